package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"tidings/internal/schema"
)

type schemaCmd struct {
	Output string `help:"Folder to write into; by default .tidings of the workspace." placeholder:"DIR"`
}

// Run writes the JSON Schemas that editors complete and check the workspace's
// files by. With --json they are printed, by kind of file, unless a folder is
// named.
func (c *schemaCmd) Run(rt *runtime) error {
	if rt.json && c.Output == "" {
		files, err := schema.Files()
		if err != nil {
			return err
		}
		all := map[string]json.RawMessage{}
		for _, f := range files {
			all[f.Kind] = f.Text
		}
		return rt.printJSON(all)
	}
	dir := c.Output
	if dir == "" {
		_, workspace, err := rt.workspace()
		if err != nil {
			return err
		}
		dir = filepath.Join(workspace, schema.Dir)
	}
	names, err := schema.Write(dir)
	if err != nil {
		return fmt.Errorf("write the schemas: %w", err)
	}
	if rt.json {
		return rt.printJSON(map[string]any{"dir": dir, "files": names})
	}
	for _, name := range names {
		rt.printf("wrote %s\n", filepath.Join(dir, name))
	}
	return nil
}
