import { placeBeside, sourceOfFile, splitPath } from '../files.js';

/**
 * Premiere by its UXP API.
 *
 * @param {(module: string) => any} load the `require` of the plugin
 * @returns {import('../panel.js').Host}
 */
export function uxpHost(load) {
  /** @type {import('@adobe/premierepro').premierepro} */
  const premiere = load('premierepro');
  const { localFileSystem } = load('uxp').storage;
  const fs = load('fs');
  const activeProject = () => premiere.Project.getActiveProject();

  return {
    async selectedMedia() {
      const project = await activeProject();
      const selection = project && (await premiere.ProjectUtils.getSelection(project));
      const [selected] = selection ? await selection.getItems() : [];
      const item = selected && premiere.ClipProjectItem.cast(selected);
      if (!item || (await item.isSequence())) return null;
      const path = await item.getMediaFilePath();
      return path ? { path, name: splitPath(path).name, item } : null;
    },

    async pickMedia() {
      const entry = await localFileSystem.getFileForOpening();
      return entry ? { path: entry.nativePath, name: entry.name } : null;
    },

    async open(media) {
      const { size, mtimeMs } = await fs.lstat(media.path);
      return sourceOfFile({
        name: media.name,
        size,
        lastModified: Math.round(mtimeMs) || undefined,
        async read(start, length) {
          const descriptor = await fs.open(media.path, 'r');
          try {
            const buffer = new ArrayBuffer(length);
            const { bytesRead } = await fs.read(descriptor, buffer, 0, length, start);
            return buffer.slice(0, bytesRead);
          } finally {
            await fs.close(descriptor);
          }
        },
      });
    },

    async importFile(name, bytes) {
      const project = await activeProject();
      const { folder, path } = placeBeside(project.path, name);
      // It exists already after the first import.
      await fs.mkdir(folder, { recursive: true }).catch(() => {});
      await fs.writeFile(path, bytes);
      const bin = await project.getInsertionBin();
      if (!(await project.importFiles([path], true, bin, false))) throw new Error(`Premiere did not import ${path}.`);
    },

    async attachTranscript({ item }, transcript) {
      const project = await activeProject();
      const clip = /** @type {import('@adobe/premierepro').ClipProjectItem} */ (item);
      let done = false;
      // From 26.3 on, actions are made while the project is locked.
      project.lockedAccess(() => {
        done = project.executeTransaction((compound) => {
          const segments = premiere.Transcript.importFromJSON(transcript);
          compound.addAction(premiere.Transcript.createImportTextSegmentsAction(segments, clip));
        }, 'Import transcript');
      });
      if (!done) throw new Error('Premiere did not accept the transcript.');
    },
  };
}
