// ExtendScript is ECMAScript 3: no JSON, no methods such as forEach.

// The path of the clip that is selected in the project panel; empty if there is none.
function audioToolsSelectedPath() {
  var views = app.getProjectViewIDs();
  for (var view = 0; views && view < views.length; view++) {
    var items = app.getProjectViewSelection(views[view]);
    for (var index = 0; items && index < items.length; index++) {
      if (!items[index].isSequence() && items[index].getMediaPath()) return items[index].getMediaPath();
    }
  }
  return '';
}

// The path of the project; empty if it was never saved.
function audioToolsProjectPath() {
  return app.project ? app.project.path : '';
}

// Import a file into the bin that is open; 'true' if Premiere took it.
function audioToolsImport(path) {
  return String(app.project.importFiles([path], true, app.project.getInsertionBin(), false));
}
