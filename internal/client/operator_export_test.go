package client

// ReadLive lets the fuzz target reach the parser.
var ReadLive = readLive

// ReadExport lets the fuzz target reach the parser.
var ReadExport = readExport
