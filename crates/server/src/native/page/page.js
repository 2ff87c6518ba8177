'use strict';
// Without this the page is whole, and a browser's own search finds everything in it.
const field = document.getElementById('search');

/// Opens what the address names, in browsers that do not do so by themselves.
function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const around = named && named.closest('details');
  if (!around || around.open) return;
  around.open = true;
  named.scrollIntoView();
}
addEventListener('hashchange', openNamed);
openNamed();

if (field) {
  const calls = [...document.querySelectorAll('details[data-find]')];
  const groups = [...document.querySelectorAll('[data-group]')];
  const found = document.getElementById('found');
  const codes = new Map(calls.map((call) => [call, call.textContent.toLowerCase()]));

  /// Leaves the calls that have every word: in what they are called first, else anywhere.
  const search = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const having = (text) => calls.filter((call) => words.every((word) => text(call).includes(word)));
    const named = having((call) => call.dataset.find);
    const left = new Set(named.length > 0 ? named : having((call) => codes.get(call)));
    const kept = new Set([...left].map((call) => call.dataset.call));
    for (const one of document.querySelectorAll('[data-call]')) one.hidden = !kept.has(one.dataset.call);
    for (const group of groups) group.hidden = !group.querySelector('[data-call]:not([hidden])');
    found.textContent = words.length > 0 ? `${left.size} of ${calls.length} calls` : '';
  };
  field.addEventListener('input', search);
  field.addEventListener('keydown', (event) => {
    const first = calls.find((call) => !call.hidden);
    if (event.key !== 'Enter' || !first) return;
    // The same key would close again what has the focus now.
    event.preventDefault();
    first.open = true;
    first.querySelector('summary').focus();
  });
  addEventListener('keydown', (event) => {
    const writes = event.target instanceof HTMLInputElement;
    if (event.key !== '/' || writes || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
  });
  field.parentElement.hidden = false;
  // A browser that goes back may have kept what was looked for.
  if (field.value) search();
}
