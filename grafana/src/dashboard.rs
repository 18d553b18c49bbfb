//! Dashboards: rows of panels, variables, links and annotations.

use metrics::ids;
use metrics::table::{Family, Id};
use serde_json::{Value, json};

use crate::draw::datasource;
use crate::panel::Panel;
use crate::query::of;
use crate::style::{BAD, NEUTRAL, WARN};

/// The version of the dashboard format: that of Grafana 11.5. Older versions of Grafana ignore what they do not know.
const SCHEMA: u32 = 41;

/// The width of a dashboard, in grid columns.
const WIDTH: u32 = 24;

/// The tag of all our dashboards, by which they link to each other.
const TAG: &str = "peer-observer";

/// The permanent id of a dashboard in Grafana.
pub fn uid(name: &str) -> String {
    format!("peer-observer-{name}")
}

/// A dashboard.
#[derive(Debug)]
pub struct Dashboard {
    /// The name of its file, and part of its [`uid`].
    pub name: &'static str,
    /// The title that people see.
    pub title: &'static str,
    about: &'static str,
    rows: Vec<(&'static str, Vec<Panel>)>,
    variables: Vec<(&'static str, &'static str, Id, &'static str)>,
    one_node: bool,
    range: &'static str,
    faults: Vec<String>,
}

impl Dashboard {
    /// A dashboard without panels.
    pub fn new(name: &'static str, title: &'static str, about: &'static str) -> Self {
        Self { name, title, about, rows: vec![], variables: vec![], one_node: false, range: "now-6h", faults: vec![] }
    }

    /// Adds a row.
    pub fn row(mut self, title: &'static str, panels: impl IntoIterator<Item = Panel>) -> Self {
        self.rows.push((title, panels.into_iter().collect()));
        self
    }

    /// Adds a variable, which offers the values of a family's label.
    pub fn variable(mut self, name: &'static str, title: &'static str, id: Id, label: &'static str) -> Self {
        if !Family::of(id).labels.contains(&label) {
            self.faults.push(format!("{} has no label {label}", Family::of(id).name));
        }
        self.variables.push((name, title, id, label));
        self
    }

    /// Makes it show one node at a time.
    pub fn of_one_node(mut self) -> Self {
        self.one_node = true;
        self
    }

    /// Sets the beginning of the time that is shown at first, such as `now-24h`.
    pub fn since(mut self, range: &'static str) -> Self {
        self.range = range;
        self
    }

    /// The mistakes in it, such as labels that a series does not have.
    pub fn faults(&self) -> Vec<String> {
        let panels = self.rows.iter().flat_map(|(_, panels)| panels.iter().flat_map(Panel::faults));
        self.faults.iter().cloned().chain(panels).map(|fault| format!("{}: {fault}", self.name)).collect()
    }

    /// The dashboard in Grafana's JSON format.
    pub fn json(&self) -> Value {
        json!({
            "uid": uid(self.name),
            "title": format!("peer-observer: {}", self.title),
            "description": self.about,
            "tags": [TAG],
            "schemaVersion": SCHEMA,
            "version": 1,
            "id": null,
            "editable": true,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "preload": false,
            "refresh": "30s",
            "time": {"from": self.range, "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "weekStart": "",
            "annotations": {"list": annotations()},
            "links": [link()],
            "templating": {"list": self.templating()},
            "panels": self.panels(),
        })
    }

    /// Lays out the panels: rows below each other, and in a row panels side by side as far as there is room.
    fn panels(&self) -> Vec<Value> {
        let mut panels = Vec::new();
        let (mut id, mut y) = (0, 0);
        for (title, row) in &self.rows {
            id += 1;
            panels.push(json!({
                "id": id,
                "type": "row",
                "title": title,
                "collapsed": false,
                "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
                "panels": [],
            }));
            y += 1;
            let (mut x, mut height) = (0, 0);
            for panel in row {
                let (wide, high) = panel.area();
                if x + wide > WIDTH {
                    (x, y, height) = (0, y + height, 0);
                }
                id += 1;
                panels.push(panel.json(id, (x, y)));
                x += wide;
                height = height.max(high);
            }
            y += height;
        }
        panels
    }

    /// The variables: those that all dashboards have, and its own.
    fn templating(&self) -> Vec<Value> {
        let source = json!({
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "regex": "",
            "current": {},
            "options": [],
            "refresh": 1,
            "multi": false,
            "includeAll": false,
            "hide": 0,
            "skipUrlSync": false,
        });
        let build = Family::of(ids::BUILD_INFO).name;
        let events = Family::of(ids::EVENTS).name;
        let instance = format!("label_values({build}, instance)");
        let node = format!("label_values({events}{{instance=~\"$instance\"}}, node)");
        let mut list = vec![
            source,
            variable("instance", "Instance", &instance, !self.one_node, !self.one_node),
            variable("node", "Node", &node, !self.one_node, true),
        ];
        for (name, title, id, label) in &self.variables {
            list.push(variable(name, title, &format!("label_values({}, {label})", of(*id).text()), true, true));
        }
        list
    }
}

/// A variable whose values are queried again when the time shown changes. Its value "All" also matches series without the label.
fn variable(name: &str, title: &str, query: &str, multi: bool, all: bool) -> Value {
    let current = if multi { json!({"text": ["All"], "value": ["$__all"]}) } else { json!({}) };
    json!({
        "name": name,
        "label": title,
        "type": "query",
        "datasource": datasource(),
        "definition": query,
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "regex": "",
        "current": current,
        "options": [],
        "refresh": 2,
        "sort": 5,
        "multi": multi,
        "includeAll": all,
        "allValue": if all { json!(".*") } else { Value::Null },
        "hide": 0,
        "skipUrlSync": false,
    })
}

/// The annotations, which explain sudden changes in any panel.
fn annotations() -> Value {
    let annotation = |name: &str, expr: &str, colour: &str, title: &str, text: &str, is_time: bool| {
        json!({
            "name": name,
            "datasource": datasource(),
            "enable": true,
            "hide": false,
            "iconColor": colour,
            "expr": expr,
            "step": "60s",
            "titleFormat": title,
            "textFormat": text,
            "tagKeys": "",
            "useValueForTime": is_time,
        })
    };
    let node = of(ids::NODE_START_TIME).time();
    let tool = of(ids::RUNTIME_START_TIMESTAMP).time();
    json!([
        {
            "builtIn": 1,
            "name": "Annotations & Alerts",
            "type": "dashboard",
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": true,
            "hide": true,
            "iconColor": NEUTRAL,
        },
        annotation("Node restarts", node.expr(), WARN, "The node was started", "{{instance}} {{node}}", true),
        annotation("Metrics restarts", tool.expr(), NEUTRAL, "peer-observer's metrics were started", "{{instance}}", true),
        annotation("Alerts", crate::query::alerts().expr(), BAD, "{{alertname}}", "{{instance}} {{node}}", false),
    ])
}

/// The links to the other dashboards, with the same nodes and time.
fn link() -> Value {
    json!({
        "type": "dashboards",
        "title": "peer-observer",
        "tags": [TAG],
        "asDropdown": true,
        "includeVars": true,
        "keepTime": true,
        "targetBlank": false,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    })
}
