// Peer: node:http in the processes of node:cluster, as Node's documentation has it.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { HOST, PORT, WORKERS } from './listen.js';
import { listener } from './node-listener.js';

if (cluster.isPrimary) for (let i = 0; i < WORKERS; i++) cluster.fork();
else createServer(listener).listen(PORT, HOST);
