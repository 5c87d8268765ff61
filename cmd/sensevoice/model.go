package main

import (
	"fmt"

	"sensevoice/internal/modelstore"
)

type modelCommand struct {
	Pull    modelPullCommand    `cmd:"" help:"Download a model and verify it."`
	List    modelListCommand    `cmd:"" help:"List the models that are here, and those that can be pulled."`
	Info    modelInfoCommand    `cmd:"" help:"Show what a model is: its sizes, precision, vocabulary and languages."`
	Verify  modelVerifyCommand  `cmd:"" help:"Compare a model's files with what was pulled."`
	Remove  modelRemoveCommand  `cmd:"" help:"Delete a model."`
	Convert modelConvertCommand `cmd:"" help:"Write a model to one safetensors file that holds everything."`
}

// store opens the user's store of models.
func (p *program) store() (*modelstore.Store, error) {
	store, err := modelstore.Default(p.getenv)
	if err != nil {
		return nil, usageError{err}
	}
	return store, nil
}

// openModel opens the model that the user named, or the default; that it is only the embedded one is said.
func (p *program) openModel(name string) (*modelstore.Model, error) {
	store, err := p.store()
	if err != nil {
		return nil, err
	}
	model, err := store.Open(name)
	if err == nil && name == "" && model.Name == modelstore.EmbeddedName {
		fmt.Fprintf(p.err, "sensevoice: using the small embedded model, which knows a few dozen words; for the real one: sensevoice model pull %s\n",
			modelstore.DefaultName)
	}
	return model, err
}
