package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"sensevoice/internal/modelstore"
)

type modelListCommand struct {
	JSON bool `name:"json" help:"Print one JSON object a line."`
}

// listedModel is a line of model list.
type listedModel struct {
	Name        string `json:"name"`
	State       string `json:"state"` // "ready", "embedded", "available", or what is wrong
	Bytes       int64  `json:"bytes,omitempty"`
	Path        string `json:"path,omitempty"`
	Description string `json:"description,omitempty"`
}

// Run lists what is in the store, in the program, and in the catalogue.
func (c *modelListCommand) Run(p *program) error {
	store, err := p.store()
	if err != nil {
		return err
	}
	entries, err := store.List()
	if err != nil {
		return err
	}
	list := []listedModel{{Name: modelstore.EmbeddedName, State: "embedded", Description: "in the program: a few dozen words, for demonstration and tests"}}
	here := map[string]bool{}
	for _, e := range entries {
		here[e.Name] = true
		list = append(list, listed(e))
	}
	for _, k := range modelstore.Catalogue() {
		if !here[k.Name] {
			list = append(list, listedModel{Name: k.Name, State: "available", Description: k.Description + "; sensevoice model pull " + k.Name})
		}
	}
	return c.print(p, list)
}

func listed(e modelstore.Entry) listedModel {
	m := listedModel{Name: e.Name, State: "ready", Path: e.Dir}
	if known, ok := modelstore.Lookup(e.Name); ok {
		m.Description = known.Description
	}
	switch {
	case e.Err != nil:
		m.State, m.Bytes = e.Err.Error(), e.Partial
	case e.Manifest != nil:
		m.Bytes = e.Manifest.Size()
	}
	return m
}

func (c *modelListCommand) print(p *program, list []listedModel) error {
	if c.JSON {
		encoder := json.NewEncoder(p.out)
		for _, m := range list {
			if err := encoder.Encode(m); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSIZE\tSTATE\tWHAT")
	for _, m := range list {
		size := ""
		if m.Bytes > 0 {
			size = fmt.Sprintf("%.1f MB", float64(m.Bytes)/1e6)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Name, size, m.State, m.Description)
	}
	return w.Flush()
}
