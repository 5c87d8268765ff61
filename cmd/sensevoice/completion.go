package main

type completionCommand struct{}

func (completionCommand) Run(p *program) error { return nil }

type manCommand struct{}

func (manCommand) Run(p *program) error { return nil }
