package main

import "os"

// reloadSignals tell a server to read its settings anew. Windows has none.
var reloadSignals []os.Signal

// freeSignals tell it to give memory back. Windows has none of these either.
var freeSignals []os.Signal
