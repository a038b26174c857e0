package console

// Quoted is quoted, for the tests of commands.
var Quoted = quoted
