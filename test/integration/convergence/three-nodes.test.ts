import { testPlacement } from './random-sessions.js';

testPlacement('three nodes');
