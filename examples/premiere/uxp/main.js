import { Client } from '../../../clients/js/src/audio-tools.js';
import { show } from '../panel.js';
import { uxpHost } from './host.js';

// `require` is the plugin's own: the bundler must leave it alone.
show(document, (token) => new Client({ token }), uxpHost((name) => require(name)));
