import { testPlacement } from './random-sessions.js';

testPlacement('postgres');
