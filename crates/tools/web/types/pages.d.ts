// Types that all pages share. Only tsc reads them: nothing here is served.

import type { components, paths } from "openapi";

type Ok<Path extends keyof paths> = paths[Path]["get"]["responses"][200]["content"]["application/json"];

declare global {
    /** The schemas of docs/openapi.json by name, such as Api["Peer"]. */
    type Api = components["schemas"];

    /** What `GET api/...` answers. */
    type Answer<Path extends string> = Path extends `api/${infer Rest}`
        ? `/${Rest}` extends keyof paths
            ? Ok<`/${Rest}`>
            : Rest extends `peers/${string}/${string}`
              ? Api["PeerInFull"]
              : Rest extends `alerts/${string}`
                ? Api["IncidentInFull"]
                : Rest extends `chain/networks/${string}/activity`
                  ? Api["ChainActivities"]
                  : Rest extends `chain/networks/${string}/blocks/${string}`
                    ? Api["ChainBlock"]
                    : Rest extends `chain/networks/${string}`
                      ? Api["ChainTree"]
                      : unknown
        : unknown;

    /** Query parameters of a request; empty values are left out. */
    type Query = Record<string, string | number | null | undefined>;

    /** What live events are asked for; lists mean any of their values, a missing key means everything. */
    type Filter = Record<string, string | number | (string | number)[] | null | undefined>;

    /** An event as the live feed (ws) sends it; `body` only in the form "full". */
    interface FeedEvent {
        node: string;
        kind: string;
        time: string;
        source?: string;
        run?: string;
        sequence?: number;
        peer?: number | null;
        addr?: string | null;
        message?: string;
        direction?: string;
        size?: number;
        /** The decoded event. Its shape depends on kind and message type, so whoever reads it checks it. */
        // biome-ignore lint/suspicious/noExplicitAny: see above
        body?: Record<string, any>;
    }

    /** Values of a series of the API, one per step; null where nothing is known. */
    type Steps = (number | null)[];

    /** What h() takes as a child. */
    type Child = Node | string | number | boolean | null | undefined | Child[];

    /** Attributes, properties and listeners for h(). */
    interface Props {
        class?: string | null;
        style?: Record<string, string | number>;
        dataset?: Record<string, string>;
        onclick?: (event: MouseEvent) => void;
        oninput?: (event: Event) => void;
        onchange?: (event: Event) => void;
        onkeydown?: (event: KeyboardEvent) => void;
        onpointermove?: (event: PointerEvent) => void;
        [attribute: string]: unknown;
    }

    /** Unix seconds, milliseconds (from 1e11 on), RFC 3339 or a Date. */
    type Time = string | number | Date | null | undefined;

    /** A number that may not be known. */
    type Maybe = number | null | undefined;

    /** A module of views/. */
    interface View {
        title?: string;
        css?: string | string[];
        // biome-ignore lint/suspicious/noConfusingVoidType: mount() may return nothing
        mount(root: HTMLElement, ctx: import("../pages/lib/context.js").Context): (() => void) | void;
    }

    interface WindowEventMap {
        theme: CustomEvent<string>;
        themechoice: CustomEvent<string>;
    }
}
