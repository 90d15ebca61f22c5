/**
 * Handles of files that are being uploaded: with one, the browser can open the file again after a reload. Chromium
 * has them; elsewhere nothing is kept, and the user chooses the file again.
 */

const STORE = 'files';

/** @returns {Promise<IDBDatabase>} */
function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('audio-tools', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @template T @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest<T>} use
 * @returns {Promise<T | undefined>} nothing where the browser refuses to keep anything
 */
async function stored(mode, use) {
  try {
    const opened = await database();
    const request = use(opened.transaction(STORE, mode).objectStore(STORE));
    return await new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    }).finally(() => opened.close());
  } catch {
    return undefined;
  }
}

/** @param {string} key @param {FileSystemFileHandle} handle */
export async function keepHandle(key, handle) {
  await stored('readwrite', (store) => store.put(handle, key));
}

/** @param {string} key */
export async function forgetHandle(key) {
  await stored('readwrite', (store) => store.delete(key));
}

/** @param {string} key @returns {Promise<any>} a `FileSystemFileHandle`, or nothing */
export async function loadHandle(key) {
  return stored('readonly', (store) => store.get(key));
}

/** Files that the user chooses, with their handles. @returns {Promise<{file: File, handle: FileSystemFileHandle}[]>} */
export async function chooseFiles() {
  try {
    const handles = await /** @type {any} */ (globalThis).showOpenFilePicker({ multiple: true });
    return await Promise.all(
      handles.map(async (/** @type {FileSystemFileHandle} */ handle) => ({
        file: await handle.getFile(),
        handle,
      })),
    );
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return [];
    throw error;
  }
}

/** Whether this browser gives handles. */
export function hasHandles() {
  return 'showOpenFilePicker' in globalThis;
}
