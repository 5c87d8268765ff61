package main

import (
	"context"
	"fmt"

	"sensevoice/internal/modelstore"
	"sensevoice/internal/weights"
)

type modelVerifyCommand struct {
	Model string `arg:"" help:"Name of a model in the store."`
}

// Run reads all files of a model and says whether they are what was pulled.
func (c *modelVerifyCommand) Run(ctx context.Context, p *program) error {
	store, err := p.store()
	if err != nil {
		return err
	}
	shown := &transfer{p: p}
	err = store.Verify(ctx, c.Model, shown.show)
	shown.finish()
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s: all files are as they were pulled\n", c.Model)
	return nil
}

type modelRemoveCommand struct {
	Model string `arg:"" help:"Name of a model in the store."`
}

// Run deletes a model from the store.
func (c *modelRemoveCommand) Run(p *program) error {
	store, err := p.store()
	if err != nil {
		return err
	}
	if err := store.Remove(c.Model); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s: removed\n", c.Model)
	return nil
}

type modelConvertCommand struct {
	Model string `arg:"" placeholder:"NAME|PATH" help:"Model to read: a name or a path."`
	Out   string `arg:"" placeholder:"FILE.safetensors" help:"File to write."`
	Type  string `default:"f16" enum:"f32,f16" help:"How to store matrices: f32 or f16."`
}

// Run converts.
func (c *modelConvertCommand) Run(ctx context.Context, p *program) error {
	model, err := p.openModel(c.Model)
	if err != nil {
		return err
	}
	defer model.Close()
	matrices := map[string]weights.Type{"f32": weights.F32, "f16": weights.F16}[c.Type]
	if err := modelstore.Convert(ctx, model, c.Out, matrices); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s: written, matrices in %s\n", c.Out, c.Type)
	return nil
}
