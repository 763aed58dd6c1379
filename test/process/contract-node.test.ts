// The contract (test/helpers/contract), by an application of kind node.
import { runContract } from '../helpers/contract/suite.js';

runContract('node');
