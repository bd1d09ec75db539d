/** Where a broker is: the URL that a program was given, parsed once. Opens nothing. */
import { own } from "./error.js";
import type { Place } from "./transport.js";

/**
 * Parses a URL.
 *
 * ```text
 * buslane://HOST[:PORT]         TCP, port 5959 unless it says otherwise
 * buslane+unix:///PATH          a Unix socket; special characters percent-encoded
 * ws[s]://HOST[:PORT][/PATH]    WebSocket, path /ws unless it says otherwise
 * ```
 */
export function parseUrl(text: string): Place {
  const [, scheme, rest] = /^([^:/]*):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) {
    throw own("invalid_address", `${JSON.stringify(text)} has no scheme; write buslane://HOST:PORT, buslane+unix:///PATH or ws://HOST:PORT`);
  }
  switch (scheme.toLowerCase()) {
    case "buslane":
      return tcp(text, rest);
    case "buslane+unix":
      return unix(rest);
    case "ws":
    case "wss":
      return webSocket(text);
    case "buslanes":
      throw own("not_supported", "buslanes:// asks for TLS, which this version does not offer; use buslane:// inside a trusted network");
    default:
      throw own("invalid_address", `the scheme ${JSON.stringify(scheme)} is unknown; buslane://, buslane+unix:// and ws:// are offered`);
  }
}

function tcp(text: string, rest: string): Place {
  // A scheme that URL knows, so that it splits host and port.
  const url = split(text, `http://${rest}`);
  if (!/^[^/?#]+\/?$/.test(rest)) {
    throw own("invalid_address", `${JSON.stringify(text)}: nothing may follow host and port`);
  }
  const port = /:(\d+)\/?$/.exec(rest)?.[1];
  if (port !== undefined && Number(port) === 0) {
    throw own("invalid_address", '"0" is no port; a port is a number from 1 to 65535');
  }
  return { kind: "tcp", host: url.hostname.replace(/^\[|\]$/g, ""), port: port === undefined ? 5959 : Number(port) };
}

function unix(rest: string): Place {
  let path: string;
  try {
    path = decodeURIComponent(rest);
  } catch {
    path = "";
  }
  if (!path.startsWith("/")) {
    throw own("invalid_address", `${JSON.stringify(rest)} is no absolute path; write buslane+unix:///run/buslane.sock`);
  }
  return { kind: "unix", path };
}

function webSocket(text: string): Place {
  const url = split(text, text);
  if (url.hash !== "" || text.includes("#")) {
    throw own("invalid_address", `${JSON.stringify(text)}: a fragment may not stand in it`);
  }
  if (url.pathname === "/") {
    url.pathname = "/ws";
  }
  return { kind: "websocket", url: url.href };
}

function split(text: string, parsed: string): URL {
  let url: URL;
  try {
    url = new URL(parsed);
  } catch (error) {
    throw own("invalid_address", `${JSON.stringify(text)} is no URL`, error);
  }
  if (url.username !== "" || url.password !== "") {
    throw own("invalid_address", "credentials do not belong into the URL; hand the token to connect");
  }
  return url;
}
