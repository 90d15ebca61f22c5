// Stands in for Premiere, as far as the panels use it. FACTS is { port, files, selected, picked, jsx }: `files`
// maps paths to Base64, `selected` and `picked` are paths or null. What was done to the project is in `premiere`.
globalThis.premiere = { imported: [], transcripts: {} };
(() => {
  const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const files = new Map(Object.entries(FACTS.files).map(([path, text]) => [path, decode(text)]));
  const folders = new Set();
  const project = '/projects/interview/interview.prproj';

  function bytesAt(path, start, length = Number.POSITIVE_INFINITY) {
    if (!files.has(path)) throw new Error(`ENOENT: ${path}`);
    return files.get(path).subarray(start, start + length);
  }
  function write(path, data) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    if (!folders.has(folder)) throw new Error(`ENOENT: ${folder}`);
    files.set(path, new Uint8Array(data));
    return data.byteLength;
  }
  function importFiles(paths) {
    for (const path of paths) {
      if (!files.has(path)) return false;
      premiere.imported.push({ path, text: String.fromCharCode(...files.get(path)) });
    }
    return true;
  }

  // UXP: an action may only be made while the project is locked.
  let locked = false;
  const item = FACTS.selected && {
    isSequence: async () => false,
    getMediaFilePath: async () => FACTS.selected,
  };
  const uxpProject = {
    path: project,
    getInsertionBin: async () => ({}),
    importFiles: async (paths) => importFiles(paths),
    lockedAccess(callback) {
      locked = true;
      callback();
      locked = false;
    },
    executeTransaction(callback) {
      if (!locked) throw new Error('The project is not locked.');
      callback({ addAction: (action) => action() });
      return true;
    },
  };
  const modules = {
    premierepro: {
      Project: { getActiveProject: async () => uxpProject },
      ProjectUtils: { getSelection: async () => ({ getItems: async () => (item ? [item] : []) }) },
      ClipProjectItem: { cast: (projectItem) => projectItem },
      Transcript: {
        importFromJSON: (text) => JSON.parse(text),
        createImportTextSegmentsAction(segments, clip) {
          if (!locked || clip !== item) throw new Error('invalid parameter');
          return () => {
            premiere.transcripts[FACTS.selected] = segments;
          };
        },
      },
    },
    uxp: {
      storage: {
        localFileSystem: {
          getFileForOpening: async () =>
            FACTS.picked && { nativePath: FACTS.picked, name: FACTS.picked.split('/').pop() },
        },
      },
    },
    fs: {
      lstat: async (path) => ({ size: bytesAt(path, 0).length, mtimeMs: 1700000000123.4 }),
      open: async (path) => path,
      close: async () => 0,
      mkdir: async (path) => folders.add(path),
      writeFile: async (path, data) => write(path, data),
      async read(path, buffer, offset, length, position) {
        const bytes = bytesAt(path, position, length);
        new Uint8Array(buffer).set(bytes, offset);
        return { bytesRead: bytes.length, buffer };
      },
    },
  };
  globalThis.require = (name) => modules[name];

  // CEP: ExtendScript gets its own `app`, and no JSON.
  const app = {
    project: { path: project, importFiles, getInsertionBin: () => ({}) },
    getProjectViewIDs: () => ['view'],
    getProjectViewSelection: () =>
      FACTS.selected ? [{ isSequence: () => false, getMediaPath: () => FACTS.selected }] : undefined,
  };
  globalThis.__adobe_cep__ = {
    evalScript(script, callback) {
      const run = new Function('app', 'JSON', `${FACTS.jsx}\nreturn ${script};`);
      let answer = 'EvalScript error.';
      try {
        answer = String(run(app, undefined));
      } catch {}
      setTimeout(() => callback(answer));
    },
  };
  const handle = (path) => ({
    async read(bytes, offset, length, position) {
      const found = bytesAt(path, position, length);
      bytes.set(found, offset);
      return { bytesRead: found.length };
    },
    close: async () => {},
  });
  const promises = {
    stat: async (path) => ({ size: bytesAt(path, 0).length, mtimeMs: 1700000000123.4 }),
    open: async (path) => handle(path),
    mkdir: async (path) => folders.add(path),
    writeFile: async (path, data) => write(path, data),
  };
  globalThis.cep_node = { require: () => ({ promises }) };
  globalThis.cep = { fs: { showOpenDialogEx: () => ({ err: 0, data: FACTS.picked ? [FACTS.picked] : [] }) } };

  // The panels know one address; the service of a test has a free port.
  const moved = (address) => address.replace('127.0.0.1:3001', `127.0.0.1:${FACTS.port}`);
  const { fetch, WebSocket, XMLHttpRequest } = globalThis;
  globalThis.fetch = (address, init) => fetch(moved(address), init);
  globalThis.WebSocket = class extends WebSocket {
    constructor(address, protocols = []) {
      super(moved(address), protocols);
    }
  };
  if (XMLHttpRequest) {
    const { open } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.open = function (method, address) {
      open.call(this, method, moved(address));
    };
  }
})();
