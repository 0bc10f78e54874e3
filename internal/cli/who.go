package cli

import (
	"cmp"
	"os/user"
)

// whoWorks is whom the audit log names: TIDINGS_USER, else the user of the system.
func whoWorks(getenv func(string) string) string {
	name := getenv("TIDINGS_USER")
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	return cmp.Or(name, getenv("USER"), "unknown")
}
