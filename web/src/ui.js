/** Messages and questions of the page. */

import { button, h, say } from './dom.js';
import { t } from './texts.js';

const TOAST_MS = 6000;

/** Show a message for some seconds; screen readers read it. @param {string} text @param {'good' | 'bad'} [kind] */
export function toast(text, kind = 'good') {
  const place = document.querySelector('#toasts');
  if (!place) return;
  const note = h(
    'div',
    { class: `toast ${kind}` },
    h('span', {}, text),
    button({ icon: 'close', title: t('close'), kind: 'quiet', onclick: () => note.remove() }),
  );
  place.append(note);
  if (kind === 'good') setTimeout(() => note.remove(), TOAST_MS);
}

/** Remove all messages: they belong to the view that the user leaves. */
export function clearToasts() {
  document.querySelector('#toasts')?.replaceChildren();
}

/** Read a text to screen readers. @param {string} text */
export function announce(text) {
  const place = document.querySelector('#live');
  if (place) say(place, text);
}

/** Ask before something that cannot be undone. @param {string} question @param {string} yes @returns {Promise<boolean>} */
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const dialog = h(
      'dialog',
      { class: 'dialog', 'aria-label': question, onclose: () => finish(dialog.returnValue === 'yes') },
      h('p', {}, question),
      h(
        'div',
        { class: 'buttons' },
        button({ text: t('cancel'), onclick: () => dialog.close() }),
        button({ text: yes, kind: 'danger', onclick: () => dialog.close('yes') }),
      ),
    );
    const finish = (/** @type {boolean} */ answer) => {
      dialog.remove();
      resolve(answer);
    };
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Ask for the token of the service. @param {boolean} wrong whether the last one was refused @returns {Promise<string>} */
export function askToken(wrong) {
  return new Promise((resolve) => {
    const input = h('input', {
      type: 'password',
      name: 'token',
      id: 'token',
      required: true,
      autocomplete: 'off',
    });
    const dialog = h(
      'dialog',
      {
        class: 'dialog token',
        'aria-label': t('token.title'),
        oncancel: (/** @type {Event} */ event) => event.preventDefault(),
      },
      h('h2', {}, t('token.title')),
      h('p', {}, t('token.why')),
      wrong && h('p', { class: 'error', role: 'alert' }, t('token.wrong')),
      h(
        'form',
        {
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            dialog.remove();
            resolve(input.value.trim());
          },
        },
        h('label', { htmlFor: 'token' }, t('token.label')),
        input,
        h(
          'div',
          { class: 'buttons' },
          h('button', { type: 'submit', class: 'button primary' }, t('token.send')),
        ),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
