// GitHub's description of its REST API, and what it says of one request or answer.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const FILE = "@octokit/openapi/generated/api.github.com.json";
// What GitHub answers to any call, whether or not the description lists it there.
const EVERYWHERE = new Set([304, 400, 401, 403, 404, 405, 409, 422, 429, 502, 503]);
// The members that GitHub's errors have.
const ERROR = {
  type: "object",
  required: ["message", "documentation_url", "status"],
  properties: {
    message: { type: "string", minLength: 1 },
    documentation_url: { type: "string", pattern: "^https://" },
    status: { type: "string", pattern: "^[45][0-9][0-9]$" },
    errors: { type: "array" },
  },
};

export async function readDescription() {
  const path = createRequire(import.meta.url).resolve(FILE);
  return new Description(JSON.parse(await readFile(path, "utf8")));
}

export class Description {
  constructor(api) {
    this.api = api;
    this.ajv = addFormats(new Ajv({ strict: false, allErrors: true, verbose: false }));
    // Numbers of 64 bits and the like: JSON's own kinds are enough here.
    for (const name of ["int32", "int64", "repo.nwo", "ssh-key", "ssh-key fingerprint"]) {
      this.ajv.addFormat(name, true);
    }
    this.ajv.addSchema({ $id: "api", components: { schemas: this.schemas() } });
    this.compiled = new Map();
    this.paths = Object.entries(api.paths).map(([template, item]) => ({
      template,
      item,
      pattern: new RegExp(`^${template.replace(/[.+]/g, "\\$&").replace(/\{[^}]+\}/g, "([^/]+)")}$`),
      // `{path}` and `{ref}` of these hold slashes.
      long: new RegExp(`^${template.replace(/[.+]/g, "\\$&").replace(/\{(path|ref)\}/g, "(.+)").replace(/\{[^}]+\}/g, "([^/]+)")}$`),
      variables: (template.match(/\{/g) ?? []).length,
    }));
    this.paths.sort((one, other) => one.variables - other.variables);
  }

  schemas() {
    const schemas = this.api.components.schemas;
    return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, converted(schema)]));
  }

  resolve(value) {
    while (value?.$ref) {
      value = value.$ref.split("/").slice(1).reduce((at, key) => at[key.replace(/~1/g, "/")], this.api);
    }
    return value;
  }

  /** The operation that a request asks for, and its template. */
  operation(method, path) {
    for (const form of ["pattern", "long"]) {
      for (const candidate of this.paths) {
        const operation = candidate.item[method.toLowerCase()];
        const match = operation && candidate[form].exec(path);
        if (match) {
          const names = [...candidate.template.matchAll(/\{([^}]+)\}/g)].map((one) => one[1]);
          const values = Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(match[at + 1])]));
          return { ...operation, template: candidate.template, values };
        }
      }
    }
    return undefined;
  }

  /** What is wrong with a value by a schema of the description; empty if nothing. */
  wrong(key, schema, value) {
    if (!this.compiled.has(key)) {
      this.compiled.set(key, this.ajv.compile(converted(schema)));
    }
    const check = this.compiled.get(key);
    if (check(value)) return "";
    return check.errors.slice(0, 8).map((error) => `${error.instancePath || "/"} ${error.message}`).join("; ");
  }

  /** What is wrong with an answer. */
  answer(method, path, status, headers, body) {
    const operation = this.operation(method, path);
    if (!operation) return `${method} ${path} is not in the description`;
    const documented = this.resolve(operation.responses[status]);
    if (!documented && !EVERYWHERE.has(status)) {
      return `the description has no ${status} for ${method} ${operation.template}`;
    }
    const kind = headers.get("content-type") ?? "";
    if (body !== undefined && kind !== "application/json; charset=utf-8") return `the content type is ${kind}`;
    const missing = ["x-github-request-id", "x-github-media-type"].filter((name) => !headers.has(name));
    if (status !== 401) missing.push(...rateHeaders().filter((name) => !headers.has(name)));
    if (missing.length > 0) return `there is no ${missing.join(", ")}`;
    if (status >= 400) return this.wrong("error", ERROR, body);
    const schema = documented?.content?.["application/json"]?.schema;
    if (!schema) return body === undefined ? "" : "a body where the description has none";
    if (body === undefined) return "no body where the description has one";
    return this.wrong(`${method} ${operation.template} ${status}`, schema, body);
  }

  /** What is wrong with a request: its path, its query, its body. */
  request(method, path, query, body) {
    const operation = this.operation(method, path);
    if (!operation) return `${method} ${path} is not in the description`;
    const parameters = (operation.parameters ?? []).map((parameter) => this.resolve(parameter));
    const given = new URLSearchParams(query);
    const problems = [];
    const one = (parameter, text) => {
      const wrong = this.wrong(`${operation.template} ${parameter.in} ${parameter.name}`, parameter.schema, typed(this.resolve(parameter.schema), text));
      if (wrong) problems.push(`${parameter.in} ${parameter.name}=${text}: ${wrong}`);
    };
    for (const [name, text] of given) {
      const parameter = parameters.find((candidate) => candidate.in === "query" && candidate.name === name);
      if (parameter) one(parameter, text);
      else problems.push(`the query's ${name} is not in the description`);
    }
    for (const parameter of parameters.filter((candidate) => candidate.in === "path")) {
      const text = operation.values[parameter.name];
      if (text !== undefined) one(parameter, text);
    }
    for (const parameter of parameters.filter((candidate) => candidate.in === "query" && candidate.required)) {
      if (!given.has(parameter.name)) problems.push(`the query lacks ${parameter.name}`);
    }
    const wanted = this.resolve(operation.requestBody);
    const schema = wanted?.content?.["application/json"]?.schema;
    if (body === null || body === undefined) {
      if (wanted?.required) problems.push("there is no body");
    } else if (!schema) {
      if (Object.keys(body).length > 0) problems.push("there is a body and the description has none");
    } else {
      const wrong = this.wrong(`${method} ${operation.template} body`, schema, body);
      if (wrong) problems.push(`body: ${wrong}`);
      const known = Object.keys(this.resolve(schema).properties ?? {});
      const unknown = known.length === 0 ? [] : Object.keys(body).filter((name) => !known.includes(name));
      if (unknown.length > 0) problems.push(`body: ${unknown.join(", ")} is not in the description`);
    }
    return problems.join("; ");
  }
}

function rateHeaders() {
  return ["limit", "remaining", "used", "reset", "resource"].map((name) => `x-ratelimit-${name}`);
}

/** A parameter's text as the kind of value that its schema wants. */
function typed(schema, text) {
  if ((schema.type === "integer" || schema.type === "number") && text !== "" && !Number.isNaN(Number(text))) {
    return Number(text);
  }
  if (schema.type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (schema.oneOf?.some((one) => one.type === "integer") && /^\d+$/.test(text)) return Number(text);
  return text;
}

/** A schema of OpenAPI 3.0 as one of JSON Schema: `nullable` is another type there. */
function converted(schema) {
  if (Array.isArray(schema)) return schema.map(converted);
  if (schema === null || typeof schema !== "object") return schema;
  if (schema.$ref) return { $ref: schema.$ref.replace("#/", "api#/") };
  const out = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "nullable" || key === "example" || key === "examples") continue;
    if (key === "properties" || key === "patternProperties") {
      out[key] = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, converted(inner)]));
    } else if (key === "enum" || key === "default" || key === "required" || key === "const") {
      out[key] = value;
    } else {
      out[key] = converted(value);
    }
  }
  return schema.nullable === true ? { anyOf: [out, { type: "null" }] } : out;
}
