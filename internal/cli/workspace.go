package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/render"
)

// workspace is the folder that the command works on: --workspace, WORKSPACE, or
// the current one.
func (rt *runtime) workspace() (fs.FS, string, error) {
	dir := rt.cfg.Workspace
	if dir == "" {
		dir = "."
	}
	if _, err := os.Stat(filepath.Join(dir, "tidings.yaml")); err != nil {
		return nil, dir, usage("there is no tidings.yaml in %s; go to your workspace, name it with --workspace DIR, or write one with `tidings init DIR`", dir)
	}
	return os.DirFS(dir), dir, nil
}

// load reads and compiles a workspace. The catalog is nil when a problem is more
// than a warning.
func load(files fs.FS) (*campaign.Catalog, *render.Renderer, []campaign.Problem) {
	cat, problems, _ := content.LoadSound(files)
	if cat == nil {
		return nil, nil, problems
	}
	renderer, more := render.Compile(cat)
	problems = append(problems, more...)
	campaign.SortProblems(problems)
	for _, p := range problems {
		if p.Stops() {
			return nil, nil, problems
		}
	}
	return cat, renderer, problems
}

// catalog is the workspace for a command that works with it; one with errors is
// refused, each of them told.
func (rt *runtime) catalog() (*campaign.Catalog, *render.Renderer, error) {
	files, dir, err := rt.workspace()
	if err != nil {
		return nil, nil, err
	}
	cat, renderer, problems := load(files)
	if cat == nil {
		errors := 0
		for _, p := range problems {
			if !p.Warning {
				fmt.Fprintln(rt.stderr, p)
				errors++
			}
		}
		return nil, nil, &exitError{exitNo, fmt.Sprintf("the workspace %s has %s; nothing was done", dir, count(errors, "error"))}
	}
	return cat, renderer, nil
}
