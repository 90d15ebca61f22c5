import { placeBeside, sourceOfFile, splitPath } from '../files.js';

/**
 * Premiere by CEP: Node for files, `host.jsx` (ExtendScript) for the project.
 *
 * @param {any} window of the panel
 * @returns {import('../panel.js').Host}
 */
export function cepHost(window) {
  const fs = window.cep_node.require('fs').promises;

  /**
   * Call a function of `host.jsx`.
   *
   * @param {string} name
   * @param {...string} values
   * @returns {Promise<string>}
   */
  function call(name, ...values) {
    // These two end a line in ExtendScript, but not in JSON.
    const quoted = values.map((value) => JSON.stringify(value).replace(/\u2028|\u2029/g, ' '));
    return new Promise((resolve, reject) => {
      window.__adobe_cep__.evalScript(`${name}(${quoted.join(', ')})`, (/** @type {string} */ answer) => {
        if (answer === 'EvalScript error.') reject(new Error(`Premiere could not run ${name}.`));
        else resolve(answer);
      });
    });
  }

  return {
    async selectedMedia() {
      const path = await call('audioToolsSelectedPath');
      return path ? { path, name: splitPath(path).name } : null;
    },

    async pickMedia() {
      const { data } = window.cep.fs.showOpenDialogEx(false, false, 'Choose a recording', '', []);
      return data.length ? { path: data[0], name: splitPath(data[0]).name } : null;
    },

    async open(media) {
      const { size, mtimeMs } = await fs.stat(media.path);
      return sourceOfFile({
        name: media.name,
        size,
        lastModified: Math.round(mtimeMs),
        async read(start, length) {
          const file = await fs.open(media.path, 'r');
          try {
            const bytes = new Uint8Array(length);
            const { bytesRead } = await file.read(bytes, 0, length, start);
            return bytes.buffer.slice(0, bytesRead);
          } finally {
            await file.close();
          }
        },
      });
    },

    async importFile(name, bytes) {
      const { folder, path } = placeBeside(await call('audioToolsProjectPath'), name);
      await fs.mkdir(folder, { recursive: true });
      await fs.writeFile(path, new Uint8Array(bytes));
      if ((await call('audioToolsImport', path)) !== 'true') throw new Error(`Premiere did not import ${path}.`);
    },

    // ExtendScript has no call for transcripts.
    attachTranscript: null,
  };
}
