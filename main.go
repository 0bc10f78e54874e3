// Tidings: lifecycle email as code.
package main

import (
	"embed"
	"os"

	"tidings/internal/cli"
)

// The example workspace, for the demo of a binary that stands alone.
//
//go:embed tidings.yaml all:campaigns all:segments all:templates all:locales
var example embed.FS

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr, os.Getenv, example)) }
