// Peer: node:http alone, on one thread. PM2 and wattpm run this file, too.
import { createServer } from 'node:http';
import { HOST, PORT } from './listen.js';
import { listener } from './node-listener.js';

createServer(listener).listen(PORT, HOST);
