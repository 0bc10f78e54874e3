package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"tidings/internal/content"
	"tidings/internal/schema"
)

type initCmd struct {
	Dir string `arg:"" name:"folder" help:"Folder to write into; made when missing."`
}

// Run writes a workspace to start from, and the schemas for an editor. It
// overwrites nothing but schemas.
func (c *initCmd) Run(rt *runtime) error {
	files, err := content.Init(c.Dir)
	var broken *fs.PathError
	switch {
	case errors.As(err, &broken):
		return err
	case err != nil:
		return &exitError{exitNo, err.Error()} // there is a workspace already
	}
	schemas, err := schema.Write(filepath.Join(c.Dir, schema.Dir))
	if err != nil {
		return fmt.Errorf("write the schemas: %w", err)
	}
	for _, name := range schemas {
		files = append(files, schema.Dir+"/"+name)
	}
	if rt.json {
		return rt.printJSON(map[string]any{"dir": c.Dir, "files": files})
	}
	for _, f := range files {
		rt.printf("wrote %s\n", filepath.Join(c.Dir, f))
	}
	rt.printf("\nNext: tidings check --workspace %s\n", c.Dir)
	return nil
}
