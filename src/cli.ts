#!/usr/bin/env node
// The command line's first step: signals are held before the rest is loaded, which takes longer than Node itself to start.
import './system/held-signals.js';

await import('./command.js');
