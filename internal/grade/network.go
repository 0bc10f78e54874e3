package grade

import "net/netip"

// network is a range of addresses that belongs to machines of one kind.
type network struct {
	prefix netip.Prefix
	grade  Grade
	owner  string
}

// networks are ranges that their owners use for fetching images or for examining
// mail. A person's own requests come from none of them but by accident. Apple's
// relays are not here: they carry people's browsers too, and what loads ahead for
// Apple's privacy protection is known by its user agent.
var networks = parseNetworks(map[string][]string{
	"proxy Google's image proxy":                  {"66.249.80.0/20", "66.102.6.0/23", "66.102.8.0/23", "74.125.208.0/20", "64.233.172.0/23"},
	"proxy Yahoo's image proxy":                   {"98.136.0.0/15", "87.248.110.0/24", "74.6.128.0/21", "66.163.184.0/21", "212.82.96.0/20"},
	"scanner Exchange Online Protection":          {"40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17"},
	"scanner Proofpoint":                          {"67.231.144.0/20", "148.163.128.0/19", "185.132.180.0/22", "91.207.212.0/23", "208.84.64.0/22"},
	"scanner Mimecast":                            {"205.139.110.0/23", "207.211.30.0/23", "146.101.78.0/23", "195.130.217.0/24", "91.220.42.0/24", "170.10.128.0/21"},
	"scanner Barracuda":                           {"64.235.144.0/20", "209.222.80.0/21"},
	"scanner Cisco's mail security (IronPort)":    {"68.232.128.0/19", "216.71.128.0/19"},
	"scanner Symantec's mail security (Broadcom)": {"67.219.240.0/20", "85.158.136.0/21", "193.109.254.0/23", "195.245.230.0/23", "216.82.240.0/20"},
})

func parseNetworks(lists map[string][]string) (out []network) {
	for name, prefixes := range lists {
		g, owner := Scanner, name[len("scanner "):]
		if name[:len("proxy ")] == "proxy " {
			g, owner = Proxy, name[len("proxy "):]
		}
		for _, p := range prefixes {
			out = append(out, network{netip.MustParsePrefix(p), g, owner})
		}
	}
	return out
}

func networkOf(a netip.Addr) (network, bool) {
	if !a.IsValid() {
		return network{}, false
	}
	a = a.Unmap()
	for _, n := range networks {
		if n.prefix.Contains(a) {
			return n, true
		}
	}
	return network{}, false
}
