//! Panels in Grafana's JSON format.

use serde_json::{Map, Value, json};

use crate::panel::{Column, Kind, Panel, Steps};
use crate::query::NODE;
use crate::style::{self, BAD, GOOD, NEUTRAL, SERIES, WARN};

impl Steps {
    fn json(self) -> Value {
        let (base, steps): (&str, &[(f64, &str)]) = match self {
            Self::Neutral => (NEUTRAL, &[]),
            Self::Rising(warn, bad) => (GOOD, &[(warn, WARN), (bad, BAD)]),
            Self::Falling(warn, bad) => (BAD, &[(bad, WARN), (warn, GOOD)]),
            Self::Warn(from) => (GOOD, &[(from, WARN)]),
            Self::Bad(from) => (GOOD, &[(from, BAD)]),
        };
        let mut all = vec![json!({"color": base, "value": null})];
        all.extend(steps.iter().map(|(value, colour)| json!({"color": colour, "value": value})));
        json!({"mode": "absolute", "steps": all})
    }
}

impl Panel {
    /// The panel in Grafana's JSON format.
    pub(crate) fn json(&self, id: u32, at: (u32, u32)) -> Value {
        json!({
            "id": id,
            "type": self.kind(),
            "title": self.title,
            "description": self.description(),
            "datasource": datasource(),
            "gridPos": {"x": at.0, "y": at.1, "w": self.size.0, "h": self.size.1},
            "interval": self.interval,
            "targets": self.targets(),
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
            "options": self.options(),
            "transformations": self.transformations(),
        })
    }

    fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Lines | Kind::Stack => "timeseries",
            Kind::Stat => "stat",
            Kind::Gauge => "gauge",
            Kind::Bars => "barchart",
            Kind::Heatmap => "heatmap",
            Kind::Table => "table",
            Kind::Timeline => "state-timeline",
        }
    }

    fn targets(&self) -> Vec<Value> {
        let instant = matches!(self.kind, Kind::Bars | Kind::Table | Kind::Gauge);
        let format = match self.kind {
            Kind::Bars | Kind::Table => "table",
            Kind::Heatmap => "heatmap",
            _ => "time_series",
        };
        let target = |(column, ref_id): (&Column, char)| {
            json!({
                "refId": ref_id.to_string(),
                "datasource": datasource(),
                "editorMode": "code",
                "expr": column.query.expr(),
                "legendFormat": column.query.legend(),
                "format": format,
                "instant": instant,
                "range": !instant,
                "exemplar": false,
            })
        };
        self.columns.iter().zip('A'..='Z').map(target).collect()
    }

    fn defaults(&self) -> Value {
        let mut defaults = json!({
            "unit": self.unit,
            "color": {"mode": match self.kind {
                Kind::Lines | Kind::Stack => "palette-classic-by-name",
                Kind::Bars => "fixed",
                _ => "thresholds",
            }},
            "thresholds": self.steps.json(),
            "mappings": self.mappings(),
            "links": self.links(),
            "custom": self.custom(),
        });
        if let Some(map) = defaults.as_object_mut() {
            if self.kind == Kind::Bars
                && let Some(colour) = map.get_mut("color").and_then(Value::as_object_mut)
            {
                colour.insert("fixedColor".to_owned(), SERIES[0].into());
            }
            for (name, limit) in [("min", self.limits.0), ("max", self.limits.1)] {
                if let Some(limit) = limit {
                    map.insert(name.to_owned(), limit.into());
                }
            }
        }
        defaults
    }

    fn mappings(&self) -> Value {
        let Some([zero, one]) = self.states else { return json!([]) };
        let state = |(text, colour), index| json!({"text": text, "color": colour, "index": index});
        json!([{"type": "value", "options": {"0": state(zero, 0), "1": state(one, 1)}}])
    }

    /// The links from the series of a node to the dashboard of the node.
    fn links(&self) -> Value {
        let of_nodes = |column: &Column| NODE.iter().all(|label| column.query.labels().iter().any(|own| own == label));
        if !self.columns.iter().all(of_nodes) || matches!(self.kind, Kind::Heatmap | Kind::Table | Kind::Bars) {
            return json!([]);
        }
        json!([node_link("__field.labels")])
    }

    fn custom(&self) -> Value {
        match self.kind {
            Kind::Lines | Kind::Stack => json!({
                "drawStyle": "line",
                "lineInterpolation": "linear",
                "lineWidth": 1,
                "fillOpacity": if self.kind == Kind::Stack { 60 } else { 8 },
                "gradientMode": "none",
                "pointSize": 4,
                "showPoints": "auto",
                "spanNulls": false,
                "insertNulls": false,
                "axisPlacement": "auto",
                "axisLabel": "",
                "axisColorMode": "text",
                "axisBorderShow": false,
                "axisCenteredZero": false,
                "barAlignment": 0,
                "scaleDistribution": {"type": "linear"},
                "hideFrom": {"legend": false, "tooltip": false, "viz": false},
                "stacking": {"group": "A", "mode": if self.kind == Kind::Stack { "normal" } else { "none" }},
                "thresholdsStyle": {"mode": if matches!(self.steps, Steps::Neutral) { "off" } else { "dashed" }},
            }),
            Kind::Bars => json!({
                "fillOpacity": 80,
                "lineWidth": 1,
                "gradientMode": "none",
                "axisPlacement": "auto",
                "axisLabel": "",
                "scaleDistribution": {"type": "linear"},
                "hideFrom": {"legend": false, "tooltip": false, "viz": false},
                "thresholdsStyle": {"mode": "off"},
            }),
            Kind::Heatmap => json!({
                "scaleDistribution": {"type": "linear"},
                "hideFrom": {"legend": false, "tooltip": false, "viz": false},
            }),
            Kind::Table => {
                json!({"align": "auto", "cellOptions": {"type": "auto"}, "filterable": true, "inspect": false})
            }
            Kind::Timeline => json!({
                "fillOpacity": 80,
                "lineWidth": 0,
                "hideFrom": {"legend": false, "tooltip": false, "viz": false},
            }),
            Kind::Stat | Kind::Gauge => json!({}),
        }
    }

    fn overrides(&self) -> Vec<Value> {
        match self.kind {
            Kind::Lines | Kind::Stack => self.colours(),
            Kind::Table => self.cells(),
            _ => vec![],
        }
    }

    /// The colours: the same for the same value wherever it occurs; for our own names one after the other.
    fn colours(&self) -> Vec<Value> {
        let mut colours: Vec<(String, &str)> = Vec::new();
        let mut add = |name: String, colour| {
            if !colours.iter().any(|(known, _)| *known == name) {
                colours.push((name, colour));
            }
        };
        let mut free = SERIES.iter().copied();
        for column in &self.columns {
            let legend = column.query.legend();
            if !legend.contains("{{") {
                let colour = style::of_value(&legend).or_else(|| free.next()).unwrap_or(NEUTRAL);
                add(legend, colour);
            } else if let [label] = column.query.labels() {
                style::of_values(label).for_each(|(value, colour)| add(value.to_owned(), colour));
            }
        }
        let by_name = |(name, colour): (String, &str)| {
            json!({
                "matcher": {"id": "byName", "options": name},
                "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
            })
        };
        colours.into_iter().map(by_name).collect()
    }

    /// The units and colours of a table's columns, and the links from the names of nodes.
    fn cells(&self) -> Vec<Value> {
        let cell = |column: &Column| {
            let mut properties = vec![json!({"id": "unit", "value": column.unit})];
            if !matches!(column.steps, Steps::Neutral) {
                properties.push(json!({"id": "thresholds", "value": column.steps.json()}));
                properties.push(json!({"id": "custom.cellOptions", "value": {"type": "color-text"}}));
            }
            json!({"matcher": {"id": "byName", "options": self.heading(column)}, "properties": properties})
        };
        let link = |label: &&str| {
            json!({
                "matcher": {"id": "byName", "options": label},
                "properties": [{"id": "links", "value": [node_link("__data.fields")]}],
            })
        };
        self.columns.iter().map(cell).chain(NODE.iter().map(link)).collect()
    }

    fn heading(&self, column: &Column) -> String {
        let legend = column.query.legend();
        if legend.is_empty() || legend.contains("{{") { self.title.to_owned() } else { legend }
    }

    fn transformations(&self) -> Value {
        let several = self.columns.len() > 1;
        let values = self.columns.iter().zip('A'..='Z').map(|(column, ref_id)| {
            let name = if several { format!("Value #{ref_id}") } else { "Value".to_owned() };
            (name, self.heading(column))
        });
        let values: Vec<(String, String)> = values.collect();
        let Some((_, first)) = values.first() else { return json!([]) };
        if !matches!(self.kind, Kind::Table | Kind::Bars) {
            return json!([]);
        }
        let labels = self.columns.first().map(|column| column.query.labels()).unwrap_or_default();
        let order = labels.iter().chain(values.iter().map(|(name, _)| name)).zip(0..);
        let order: Map<String, Value> = order.map(|(name, at)| (name.clone(), at.into())).collect();
        let names: Map<String, Value> =
            values.iter().map(|(name, heading)| (name.clone(), heading.as_str().into())).collect();
        let organize = json!({"excludeByName": {"Time": true}, "indexByName": order, "renameByName": names});
        let mut all = vec![json!({"id": "merge", "options": {}}), json!({"id": "organize", "options": organize})];
        if self.kind == Kind::Bars || !several {
            all.push(json!({"id": "sortBy", "options": {"sort": [{"field": first, "desc": true}]}}));
        }
        Value::Array(all)
    }

    fn options(&self) -> Value {
        let legend = json!({
            "showLegend": true,
            "displayMode": "table",
            "placement": "bottom",
            "calcs": ["lastNotNull", "max"],
            "sortBy": "Last *",
            "sortDesc": true,
        });
        let last = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
        match self.kind {
            Kind::Lines | Kind::Stack => json!({"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}),
            Kind::Stat => json!({
                "reduceOptions": last,
                "colorMode": "value",
                "graphMode": "area",
                "justifyMode": "auto",
                "orientation": "auto",
                "textMode": "auto",
                "wideLayout": true,
            }),
            Kind::Gauge => json!({
                "reduceOptions": last,
                "orientation": "auto",
                "showThresholdLabels": false,
                "showThresholdMarkers": true,
            }),
            Kind::Bars => json!({
                "xField": self.columns.first().and_then(|column| column.query.labels().first()),
                "orientation": "auto",
                "showValue": "auto",
                "stacking": "none",
                "groupWidth": 0.7,
                "barWidth": 0.9,
                "barRadius": 0,
                "fullHighlight": false,
                "xTickLabelRotation": 0,
                "xTickLabelSpacing": 100,
                "legend": {"showLegend": false, "displayMode": "list", "placement": "bottom", "calcs": []},
                "tooltip": {"mode": "single", "sort": "none"},
            }),
            Kind::Heatmap => json!({
                "calculate": false,
                "cellGap": 1,
                "color": {"mode": "scheme", "scheme": "Cividis", "fill": NEUTRAL, "scale": "exponential", "exponent": 0.5,
                    "steps": 64, "reverse": false},
                "filterValues": {"le": 1e-9},
                "legend": {"show": true},
                "rowsFrame": {"layout": "auto"},
                "exemplars": {"color": BAD},
                "showValue": "never",
                "tooltip": {"mode": "single", "yHistogram": true, "showColorScale": true},
                "yAxis": {"axisPlacement": "left", "reverse": false, "unit": self.unit},
                "cellValues": {"unit": style::unit::COUNT, "decimals": 0},
            }),
            Kind::Table => json!({
                "showHeader": true,
                "cellHeight": "sm",
                "footer": {"show": false, "reducer": ["sum"], "countRows": false, "fields": ""},
            }),
            Kind::Timeline => json!({
                "mergeValues": true,
                "showValue": "never",
                "alignValue": "left",
                "rowHeight": 0.9,
                "legend": {"showLegend": true, "displayMode": "list", "placement": "bottom"},
                "tooltip": {"mode": "single", "sort": "none"},
            }),
        }
    }
}

fn node_link(labels: &str) -> Value {
    let url = format!(
        "/d/{}?${{datasource:queryparam}}&var-instance=${{{labels}.instance}}&var-node=${{{labels}.node}}&${{__url_time_range}}",
        crate::dashboard::uid("node"),
    );
    json!({"title": "The node", "url": url, "targetBlank": false})
}

/// The data source that the dashboard's variable chooses.
pub(crate) fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}
