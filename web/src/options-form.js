/** The options of a job as a form, made from their description in the service's own OpenAPI document. */

import { h } from './dom.js';
import { load, save } from './storage.js';
import { t } from './texts.js';

const IN_VIEW = ['language', 'engine', 'silenceThreshold', 'channelMode'];
/** The model that names speakers. */
const NAMING = 'gpt-4o-transcribe-diarize';
const HIDDEN = new Set(['wordTimestamps']);
/** Languages that are offered by name; any other code can be typed. */
const LANGUAGES = [
  'en',
  'de',
  'es',
  'fr',
  'it',
  'nl',
  'pl',
  'pt',
  'ru',
  'tr',
  'uk',
  'ar',
  'hi',
  'ja',
  'ko',
  'zh',
  'multi',
];

/** @typedef {Record<string, any>} Schema */

export class OptionsForm {
  /** @param {Schema} schema of the options @param {string[]} models that a job can ask for */
  constructor(schema, models) {
    this._models = models;
    this._properties = /** @type {Record<string, Schema>} */ (schema.properties ?? {});
    this._values = load('options', /** @type {Record<string, any>} */ ({}));
    // Chosen before, and no longer set up: every job would fail.
    const { engine = 'auto' } = this._values;
    if (engine !== 'auto' && !models.includes(engine)) {
      const { engine: _, model: __, ...others } = this._values;
      this._values = others;
    }
    const names = Object.keys(this._properties).filter((name) => !HIDDEN.has(name));
    const first = IN_VIEW.filter((name) => names.includes(name));
    const rest = names.filter((name) => !first.includes(name));
    this.element = h(
      'div',
      { class: 'options' },
      h(
        'div',
        { class: 'fields' },
        first.map((name) => this._field(name)),
        models.includes(NAMING) && this._namedSpeakers(),
      ),
      h(
        'details',
        { class: 'more' },
        h('summary', {}, t('options.more')),
        h(
          'div',
          { class: 'fields' },
          rest.map((name) => this._field(name)),
        ),
      ),
    );
  }

  /** The options that differ from their defaults. */
  get value() {
    const known = Object.entries(this._values).filter(([name]) => name in this._properties);
    return Object.fromEntries(known);
  }

  /** A box for what is a model of an engine. */
  _namedSpeakers() {
    const box = h('input', {
      type: 'checkbox',
      id: 'option-named',
      checked: this._values.model === NAMING,
      'aria-describedby': 'option-named-note',
      onchange: () => {
        for (const [name, value] of Object.entries({ engine: 'openai', model: NAMING })) {
          this._set(name, box.checked ? value : '', {});
          const control = this.element.querySelector(`#option-${name}`);
          if (control) Object.assign(control, { value: box.checked ? value : '' });
        }
      },
    });
    return h(
      'div',
      { class: 'field check' },
      h('label', { htmlFor: 'option-named' }, t('option.named')),
      box,
      h('p', { id: 'option-named-note', class: 'note' }, t('option.named.note')),
    );
  }

  /** @param {string} name */
  _field(name) {
    const schema = flat(this._properties[name]);
    const id = `option-${name}`;
    const note = `${id}-note`;
    const control = this._control(name, schema, id, note);
    return h(
      'div',
      { class: `field ${schema.type === 'boolean' ? 'check' : ''}` },
      h('label', { htmlFor: id }, t(`option.${name}`, {}, spaced(name))),
      control,
      h('p', { id: note, class: 'note' }, plain(schema.description ?? '')),
    );
  }

  /** @param {string} name @param {Schema} schema @param {string} id @param {string} note */
  _control(name, schema, id, note) {
    const value = this._values[name] ?? schema.default ?? '';
    const attributes = { id, name, 'aria-describedby': note };
    if (schema.type === 'boolean') {
      return h('input', {
        ...attributes,
        type: 'checkbox',
        checked: Boolean(value),
        onchange: (/** @type {any} */ event) => this._set(name, event.target.checked, schema),
      });
    }
    if (name === 'language') return this._languages(attributes, value);
    if (schema.enum) {
      const empty = schema.default === undefined || schema.default === null;
      return h(
        'select',
        {
          ...attributes,
          onchange: (/** @type {any} */ event) => this._set(name, event.target.value, schema),
        },
        empty && h('option', { value: '' }, t('options.default')),
        schema.enum
          .filter((/** @type {any} */ each) => each !== null)
          .map((/** @type {string} */ each) => this._choice(name, each, each === value)),
      );
    }
    const number = schema.type === 'number' || schema.type === 'integer';
    return h('input', {
      ...attributes,
      type: number ? 'number' : 'text',
      value: String(value),
      placeholder: t('options.default'),
      min: schema.minimum,
      max: schema.maximum,
      step: schema.type === 'integer' ? 1 : number ? 'any' : undefined,
      onchange: (/** @type {any} */ event) => {
        if (!event.target.reportValidity()) return;
        this._set(
          name,
          number && event.target.value !== '' ? Number(event.target.value) : event.target.value,
          schema,
        );
      },
    });
  }

  /** A choice of a menu; an engine that is not set up is shown only. @param {string} name @param {string} value @param {boolean} selected */
  _choice(name, value, selected) {
    const disabled = name === 'engine' && value !== 'auto' && !this._models.includes(value);
    const text = disabled ? t('options.notSetUp', { name: value }) : value;
    return h('option', { value, selected, disabled }, text);
  }

  /** @param {Record<string, string>} attributes @param {string} value */
  _languages(attributes, value) {
    const names = new Intl.DisplayNames([navigator.language, 'en'], { type: 'language' });
    const title = (/** @type {string} */ code) =>
      code === 'multi' ? t('options.multi') : (names.of(code) ?? code);
    const codes = [...new Set([...LANGUAGES, value].filter(Boolean))];
    return h(
      'select',
      {
        ...attributes,
        onchange: (/** @type {any} */ event) => this._set('language', event.target.value, {}),
      },
      h('option', { value: '' }, t('options.detect')),
      codes.map((code) => h('option', { value: code, selected: code === value }, title(code))),
    );
  }

  /** @param {string} name @param {any} value @param {Schema} schema */
  _set(name, value, schema) {
    if (value === '' || value === schema.default) delete this._values[name];
    else this._values[name] = value;
    save('options', this._values);
  }
}

/** The schema without the null that stands for "not set". @param {Schema} schema @returns {Schema} */
function flat(schema) {
  const kinds = /** @type {Schema[]} */ (schema.anyOf ?? schema.oneOf ?? []).filter(
    (each) => each.type !== 'null',
  );
  const merged = kinds.length ? { ...schema, ...kinds[0] } : { ...schema };
  if (Array.isArray(merged.type)) merged.type = merged.type.find((each) => each !== 'null');
  return { ...merged, description: schema.description ?? merged.description };
}

/** `maxConcurrent` as `Max concurrent`. @param {string} name */
function spaced(name) {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words[0].toUpperCase() + words.slice(1);
}

/** Descriptions mark code with backticks. @param {string} text */
function plain(text) {
  return text.replaceAll('`', '');
}
