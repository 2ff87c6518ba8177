// What sinch-rtc and what it stands on expect of where they run, and what a Node of today
// has no more: loaded before them, it changes nothing of theirs.
const http = require('node:http');
const https = require('node:https');
const Module = require('node:module');
const { EventEmitter } = require('node:events');

// An old HTTP agent looks at its parent's parent.
http.Agent.super_ ??= EventEmitter;

// Calls with sound and picture: required, and not among what it says that it needs.
const load = Module._load;
Module._load = function (name, ...more) {
  return name === 'wrtc' ? {} : load.call(this, name, ...more);
};

// What it sends messages through takes a host's port for a part of its name, where a
// browser would not, and asks at 443.
const { request } = https;
https.request = function (options, ...more) {
  const [hostname, port] = options?.hostname?.split(':') ?? [];
  return request.call(this, port ? { ...options, hostname, port: Number(port) } : options, ...more);
};

// It reads what a browser tells of itself from where there is none.
for (const name of ['userAgent', 'vendor']) {
  Object.defineProperty(Object.prototype, name, { value: '', writable: true, configurable: true, enumerable: false });
}
