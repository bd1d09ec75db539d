// A page that joins the bus: lists services live, calls methods and listens. It needs no build step, since the broker serves
// the client. Where the broker is stands in the page's URL: page.html?broker=http://127.0.0.1:5959
const broker = new URLSearchParams(location.search).get("broker") ?? "http://127.0.0.1:5959";
const element = (id) => document.getElementById(id);

/** Makes an element with text or children. */
function make(tag, { className = "", text, title = "" } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), { className, title });
  made.append(...(text === undefined ? children : [text]));
  return made;
}

const { connect, Gap } = await import(`${broker}/buslane.js`).catch((error) => {
  element("state").textContent = "no broker";
  element("state").dataset.kind = "ended";
  element("nobody").textContent = `${broker}/buslane.js cannot be loaded. Does the broker run, and does its http.origins list ${location.origin}?`;
  throw error;
});
const bus = await connect(undefined, { lazy: true, name: "page" });
let subscription;
void showState();
void showServices();
void listen(element("listen").elements.filter.value);

async function showState() {
  for await (const state of bus.states()) {
    element("state").textContent = state.kind === "connected" ? `connected to ${state.node}` : state.kind;
    element("state").dataset.kind = state.kind;
  }
}

async function showServices() {
  const cards = new Map();
  for await (const event of bus.presence()) {
    if (event.kind === "connect") {
      const card = cards.get(event.instance.instance) ?? make("li");
      cards.set(event.instance.instance, card);
      card.replaceChildren(...described(event.instance));
      if (!event.snapshot) card.className = "new";
      element("services").append(card);
    } else if (event.kind === "disconnect") {
      cards.get(event.instance.instance)?.remove();
      cards.delete(event.instance.instance);
    }
    element("nobody").hidden = cards.size > 0;
    element("count").textContent = cards.size || "";
  }
}

/** Shows an instance: what it is, and a button for each of its methods. */
function described({ service, instance, version, groups, methods }) {
  const buttons = methods.map((method) => {
    const button = make("button", { text: method, title: `call ${service}:${method}` });
    button.onclick = () => choose(service, method);
    return button;
  });
  const about = [instance, ...groups.map((group) => `@${group}`)].join(" · ");
  return [make("h3", {}, service, make("small", { text: version })), make("p", { className: "about", text: about }), make("p", {}, ...buttons)];
}

/** Puts a method into the form, with something that its schema takes. */
async function choose(service, method) {
  const { to, payload } = element("call").elements;
  to.value = `${service}:${method}`;
  const { methods } = await bus.request("$bus:describe", { service }).catch(() => ({}));
  const input = methods?.[method]?.input;
  payload.value = input === undefined ? "" : JSON.stringify(example(input), null, 2);
  payload.focus();
}

/** Makes a value of the form that a schema asks for, for the reader to fill in. */
function example(schema) {
  const kind = [schema?.type].flat()[0];
  if (kind !== "object") return { string: "", number: 0, integer: 0, boolean: false, array: [] }[kind] ?? null;
  const names = schema.required ?? Object.keys(schema.properties ?? {});
  return Object.fromEntries(names.map((name) => [name, example(schema.properties?.[name])]));
}

element("call").onsubmit = async (submitted) => {
  submitted.preventDefault();
  const { to, payload } = Object.fromEntries(new FormData(submitted.target));
  const begun = performance.now();
  const show = (kind, text) => {
    element("reply").dataset.kind = kind;
    element("reply").textContent = text;
    element("took").textContent = `${(performance.now() - begun).toFixed(1)} ms`;
  };
  try {
    const value = await bus.request(to, payload.trim() === "" ? undefined : JSON.parse(payload));
    show("reply", value === undefined ? "(nothing)" : JSON.stringify(value, null, 2));
  } catch ({ code, name, message }) {
    show("error", `${code ?? name}\n${message}`);
  }
};

element("listen").onsubmit = (submitted) => {
  submitted.preventDefault();
  subscription.unsubscribe();
  void listen(submitted.target.elements.filter.value);
};

async function listen(filter) {
  const list = element("messages");
  list.replaceChildren();
  subscription = bus.subscribe(filter);
  try {
    for await (const event of subscription.events()) {
      list.prepend(event instanceof Gap ? make("li", { className: "gap", text: "some messages are missing here" }) : line(event));
      while (list.childElementCount > MOST_LINES) list.lastElementChild.remove();
    }
  } catch ({ code, message }) {
    list.prepend(make("li", { className: "error", text: `${code}: ${message}` }));
  }
}

/** Shows a message. */
function line({ topic, from, text, bytes, retained }) {
  const content = text ?? (bytes === undefined ? "(nothing)" : `(${bytes.length} bytes)`);
  const when = make("time", { text: new Date().toLocaleTimeString() });
  return make("li", {}, when, make("b", { text: topic }), make("code", { text: content }), make("small", { text: `${from}${retained ? ", kept" : ""}` }));
}

/** Messages that are shown. */
const MOST_LINES = 50;
