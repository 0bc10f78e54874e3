package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

const checkPTR = "ptr"

// lookPTR looks whether the addresses that mails come from have names that lead back
// to them.
func (l *look) lookPTR(ctx context.Context) error {
	if len(l.Addresses) == 0 {
		l.add(checkPTR, Hint, "the address that mails come from is not known here, nor whether it has a name", "if the server that sends them is yours, give its address: --address ADDRESS; a mail service sees to its own", nil)
	}
	for _, addr := range l.Addresses {
		names, err := l.dns.names(ctx, addr)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			l.add(checkPTR, Fail, fmt.Sprintf("%s has no name (PTR), and Gmail and Yahoo refuse mail from such an address", addr), "have whoever gave you the address set its reverse DNS to the name that your server greets with", nil)
			continue
		}
		confirmed := ""
		for _, name := range names {
			back, _, err := l.dns.addresses(ctx, name)
			if err != nil {
				return err
			}
			if slices.Contains(back, addr) {
				confirmed = name
				break
			}
		}
		if confirmed == "" {
			kind := "A"
			if addr.Is6() {
				kind = "AAAA"
			}
			l.add(checkPTR, Fail, fmt.Sprintf("%s is called %s, which does not lead back to it; Gmail and Yahoo refuse mail from such an address", addr, strings.Join(names, ", ")), "write this, or have the reverse DNS of the address set to a name that has it", &Record{names[0], kind, addr.String()})
			continue
		}
		l.ok(checkPTR, fmt.Sprintf("%s is %s, and back", addr, confirmed))
	}
	return nil
}
