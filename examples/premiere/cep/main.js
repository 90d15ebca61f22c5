import { Client } from '../../../clients/js/src/audio-tools.js';
import { show } from '../panel.js';
import { cepHost } from './host.js';

show(document, (token) => new Client({ token }), cepHost(window));
