package main

import "os"

// reloadSignals tell a server to read its settings anew. Windows has none.
var reloadSignals []os.Signal
