package campaign

import (
	"maps"
	"slices"
	"strings"
)

// mailboxes are the mailbox providers that judge senders by what their users say, and
// the domains of the mailboxes that they run under their own names. Which of the
// others they run for customers cannot be told from an address.
var mailboxes = map[string]string{
	"Gmail":     "gmail.com googlemail.com",
	"Yahoo":     "yahoo.com ymail.com rocketmail.com myyahoo.com aol.com aol.co.uk aol.de aol.fr aim.com verizon.net" + below("yahoo", "at be ca ch cl cz de dk es fr gr hu ie in it nl no pl pt ro se co.id co.in co.nz co.th co.uk co.za com.ar com.au com.br com.co com.hk com.mx com.my com.pe com.ph com.sg com.tr com.tw com.ve com.vn"),
	"Microsoft": "outlook.com hotmail.com live.com msn.com windowslive.com passport.com" + below("outlook", "at be cl cz de dk es fr gr hu ie in it jp kr lv my ph pt sa sg sk co.id co.il co.th com.ar com.au com.br com.gr com.tr com.vn") + below("hotmail", "be ca ch cl de dk es fi fr gr it nl no se co.id co.il co.nz co.th co.uk co.za com.ar com.au com.br com.tr com.vn") + below("live", "at be ca ch cl cn de dk fi fr hk ie in it jp nl no ph pt ru se co.kr co.uk co.za com.ar com.au com.mx com.my com.ph com.pt com.sg"),
	"Apple":     "icloud.com me.com mac.com",
}

func below(name, ends string) string {
	return " " + name + "." + strings.Join(strings.Fields(ends), " "+name+".")
}

var providerOf = func() map[string]string {
	out := map[string]string{}
	for name, domains := range mailboxes {
		for _, d := range strings.Fields(domains) {
			out[d] = name
		}
	}
	return out
}()

// MailboxProvider is who runs the mailboxes of a domain, as AddressDomain gives it: a
// provider's name, or the domain itself.
func MailboxProvider(domain string) string {
	if name, ok := providerOf[domain]; ok {
		return name
	}
	return domain
}

// MailboxDomains are the domains of all mailbox providers that are known by name.
func MailboxDomains() []string { return slices.Sorted(maps.Keys(providerOf)) }

// ProviderDomains are the domains of a provider as MailboxProvider names it.
func ProviderDomains(provider string) []string {
	if domains, ok := mailboxes[provider]; ok {
		return strings.Fields(domains)
	}
	return []string{provider}
}
