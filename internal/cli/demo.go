package cli

type demoCmd struct {
	Once bool `help:"Play the show through on a free port, print the report and end."`
}

// Run plays the show.
func (c *demoCmd) Run(rt *runtime) error { return usage("the demo is not in this build") }
