package gate

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// client is who sent a request, and the context that says so: one allocation for both.
type client struct {
	context.Context
	address string     // as text; what the connection says when it is no IP address
	ip      netip.Addr // without a zone of IPv4 in IPv6; invalid when it is not known
	scheme  string     // http or https, between the client and the first of our machines
	host    string     // that the client asked for, with its port
}

type clientKey struct{}

// Value implements context.Context.
func (c *client) Value(key any) any {
	if _, ours := key.(clientKey); ours {
		return c
	}
	return c.Context.Value(key)
}

// AddressOf is the address of the client's machine as text, "" when the request did not come through a gate.
func AddressOf(ctx context.Context) string {
	if c, ok := ctx.Value(clientKey{}).(*client); ok {
		return c.address
	}
	return ""
}

// BaseURL is the address that the client used, scheme and host without a path: https://map.example.org:8443.
func BaseURL(r *http.Request) string {
	if c, ok := r.Context().Value(clientKey{}).(*client); ok {
		return c.scheme + "://" + c.host
	}
	return "http://" + r.Host
}

// Secure reports whether the client speaks TLS, with this server or with a proxy that it trusts.
func Secure(r *http.Request) bool {
	c, ok := r.Context().Value(clientKey{}).(*client)
	return ok && c.scheme == "https"
}

// mostHops bounds the proxies in a row that are looked at.
const mostHops = 16

// clientOf finds out who sent a request. What a proxy says is believed only if it is one of ours: the client is the last address of
// X-Forwarded-For that is not a trusted proxy's.
func (g *Gate) clientOf(r *http.Request) *client {
	c := &client{Context: r.Context(), address: r.RemoteAddr, scheme: "http", host: r.Host}
	if r.TLS != nil {
		c.scheme = "https"
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return c
	}
	c.ip = peer.Addr().Unmap()
	c.address = textOf(r.RemoteAddr)
	if len(g.Proxies) == 0 || !g.trusts(c.ip) {
		return c
	}
	if ip := g.forwardedFor(r.Header["X-Forwarded-For"], c.ip); ip != c.ip {
		c.ip, c.address = ip, ip.String()
	}
	if proto := lastOf(r.Header["X-Forwarded-Proto"]); proto == "http" || proto == "https" {
		c.scheme = proto
	}
	if host := lastOf(r.Header["X-Forwarded-Host"]); host != "" {
		c.host = host
	}
	return c
}

// textOf is the address of host:port, without its brackets.
func textOf(hostPort string) string {
	return strings.Trim(hostPort[:strings.LastIndexByte(hostPort, ':')], "[]")
}

func (g *Gate) trusts(ip netip.Addr) bool {
	for _, p := range g.Proxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// forwardedFor walks from the nearest hop to the first that is not ours. What cannot be read ends the walk at the hop that wrote it.
func (g *Gate) forwardedFor(values []string, ip netip.Addr) netip.Addr {
	hops := 0
	for i := len(values) - 1; i >= 0; i-- {
		for rest, more := values[i], true; more && hops < mostHops; hops++ {
			var hop string
			rest, hop, more = cutLast(rest)
			next, ok := parseHop(hop)
			if !ok {
				return ip
			}
			if ip = next; !g.trusts(ip) {
				return ip
			}
		}
	}
	return ip
}

// parseHop reads an address with or without a port.
func parseHop(text string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		ip = withPort.Addr()
	}
	return ip.Unmap().WithZone(""), true
}

// lastOf is the last member of a header that is a list: what the nearest proxy wrote.
func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	_, last, _ := cutLast(values[len(values)-1])
	return last
}

// cutLast splits a list at its last comma.
func cutLast(list string) (before, last string, found bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", strings.TrimSpace(list), false
	}
	return list[:i], strings.TrimSpace(list[i+1:]), true
}

// network is what counts as one client: the address, of IPv6 the network of 64 bits that one customer has.
func network(ip netip.Addr) netip.Addr {
	if !ip.Is6() {
		return ip
	}
	b := ip.As16()
	clear(b[8:])
	return netip.AddrFrom16(b)
}
