package main

type modelCommand struct {
	Info modelInfoCommand `cmd:"" help:"Show what a model is: its sizes, precision, vocabulary and languages."`
}
