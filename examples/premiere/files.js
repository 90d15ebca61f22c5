/**
 * A file that is read piece by piece: films do not fit into memory.
 *
 * @param {object} file
 * @param {string} file.name
 * @param {number} file.size bytes
 * @param {number} [file.lastModified] milliseconds since 1970
 * @param {(start: number, length: number) => Promise<ArrayBuffer>} file.read
 * @returns {import('../../clients/js/src/source.js').Source}
 */
export function sourceOfFile({ name, size, lastModified, read }) {
  return { name, size, lastModified, slice: (start, end) => read(start, end - start) };
}

/**
 * @param {string} path of Windows or macOS
 */
export function splitPath(path) {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  return { folder: path.slice(0, end), separator: end < 0 ? '/' : path[end], name: path.slice(end + 1) };
}

/**
 * Where a file for a project goes: a folder beside the project, for the project refers to it from now on.
 *
 * @param {string} projectPath
 * @param {string} name
 */
export function placeBeside(projectPath, name) {
  const { folder, separator } = splitPath(projectPath);
  if (!folder) throw new Error('Save the project first: its results are stored beside it.');
  return { folder: `${folder}${separator}Audio Tools`, path: `${folder}${separator}Audio Tools${separator}${name}` };
}
