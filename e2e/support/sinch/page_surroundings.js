// What sinch-rtc, as its package holds it for Node, expects of where it runs, in a page that
// has loaded what it stands on as each was built for pages. A classic script: it changes
// nothing of theirs.
const parts = {
  pubnub: PUBNUB,
  q: Q,
  xmlhttprequest: { XMLHttpRequest },
  localStorage,
  btoa: btoa.bind(window),
  atob: atob.bind(window),
  wrtc: {},
  'sinch-ticketgen': {},
  '../VERSION': { version: ['', '1.4.12'] },
};
Object.assign(window, { global: window, module: {}, exports: {}, require: (name) => parts[name] });
