package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/order"
	"cloudpay/internal/wechatpay"
	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
)

// clients are the protocols' clients at WeChat Pay's main address. One is nil if its API is not
// configured.
type clients struct {
	v2 *v2xml.Client
	v3 *v3json.Client
}

// newGateway makes each configured API, and returns their clients too. Faults that show only when
// keys are parsed are added to faults.
func newGateway(c config.Config, faults *config.Faults, log *slog.Logger) (*wechatpay.Gateway, clients) {
	var main clients
	connections := wechatpay.NewHTTPClient()
	addresses := Addresses(c)
	readRoots(addresses)
	routes, shared := routes(c, addresses), &wechatpay.Domains{}
	// v2 and v3 have the same domains, so what one learns about a domain that is down helps the
	// other.
	apis := map[order.API]wechatpay.Exchanger{}
	if c.Has(order.V2) {
		all := clientsV2(c, addresses, connections)
		main.v2 = all[0]
		exchangers := exchangersOf(all, func(c *v2xml.Client) wechatpay.Exchanger { return wechatpay.V2{Client: c} })
		apis[order.V2] = &wechatpay.Failover{Exchangers: exchangers, Routes: routes, Domains: shared}
	}
	if c.Has(order.V3) {
		all := clientsV3(c, addresses, connections, faults)
		main.v3 = all[0]
		exchangers := exchangersOf(all, func(c *v3json.Client) wechatpay.Exchanger { return wechatpay.V3{Client: c} })
		apis[order.V3] = &wechatpay.Failover{Exchangers: exchangers, Routes: routes, Domains: shared}
	}
	if c.Has(order.WXCloudRun) {
		// The private link has one address without a backup, and connections of its own.
		link := &wxcloudrun.Client{BaseURL: c.CloudRunURL, HTTPClient: wechatpay.NewLinkHTTPClient()}
		apis[order.WXCloudRun] = &wechatpay.Failover{
			Exchangers: []wechatpay.Exchanger{wechatpay.WXCloudRun{Client: link}},
			Routes:     []order.Route{order.RouteLink}, Domains: &wechatpay.Domains{},
		}
	}
	return &wechatpay.Gateway{APIs: apis, Log: log}, main
}

// regionOf is the configured region as v3json's type, for the hosts of APIv3 and the paths of their
// requests. APIv2 has the same hosts.
func regionOf(c config.Config) v3json.Region {
	if c.Region == order.Mainland {
		return v3json.Mainland
	}
	return v3json.Region(c.Region)
}

// Addresses lists WeChat Pay's addresses, the main one first: the configured ones, or else the
// region's. There is one at least.
func Addresses(c config.Config) []string {
	addresses := []string{c.BaseURL, c.BackupURL}
	if c.BaseURL == "" {
		main, backup := regionOf(c).Hosts()
		addresses = []string{main, cmp.Or(c.BackupURL, backup)}
	}
	return slices.DeleteFunc(addresses, func(address string) bool { return address == "" })
}

// exchangersOf makes an exchanger of each client.
func exchangersOf[Client any](clients []*Client, exchanger func(*Client) wechatpay.Exchanger) []wechatpay.Exchanger {
	exchangers := make([]wechatpay.Exchanger, len(clients))
	for i, client := range clients {
		exchangers[i] = exchanger(client)
	}
	return exchangers
}

// clientsV2 makes a client for each of WeChat Pay's addresses. All share one pool of connections.
func clientsV2(c config.Config, addresses []string, connections *http.Client) []*v2xml.Client {
	clients := make([]*v2xml.Client, len(addresses))
	for i, address := range addresses {
		clients[i] = &v2xml.Client{
			AppID:      c.AppID,
			MchID:      c.MchID,
			Key:        v2xml.Key(c.V2.Key.Reveal()),
			SignType:   v2xml.SignType(c.V2.SignType),
			BaseURL:    address,
			HTTPClient: connections,
		}
	}
	return clients
}

// clientsV3 parses the keys and makes the clients. A fault in a key is added to faults under the
// name of its variable; the clients must not be used then. A key is parsed even if its serial
// number or ID is at fault, so that one report names both.
func clientsV3(c config.Config, addresses []string, connections *http.Client, faults *config.Faults) []*v3json.Client {
	// The placeholder lets the key be parsed, and its fault be found, without its serial number.
	key, err := v3json.ParseKey(placeholder(faults, "WXPAY_SERIAL_NO", c.V3.SerialNo, "0"), []byte(c.V3.PrivateKey.Reveal()))
	addFault(faults, "WXPAY_PRIVATE_KEY", err)
	keys := keyring(c, faults)
	certificates := certificates(c, faults)
	client := v3json.Client{
		AppID:        c.AppID,
		MchID:        c.MchID,
		Key:          key,
		Keys:         keys,
		Certificates: certificates,
		Region:       regionOf(c),
		HTTPClient:   connections,
	}
	// Only complete keys can be compared with each other.
	if len(faults.List) == 0 {
		ownKey(faults, client.Check())
	}
	clients := make([]*v3json.Client, len(addresses))
	for i, address := range addresses {
		at := client
		at.BaseURL = address
		clients[i] = &at
	}
	return clients
}

// keyring holds WeChat Pay's public key. It is empty for a merchant that uses only platform
// certificates.
func keyring(c config.Config, faults *config.Faults) v3json.Keyring {
	if c.V3.PublicKey == "" && c.V3.PublicKeyID == "" && c.V3.Key.Reveal() != "" {
		return v3json.Keyring{}
	}
	// Both variables are checked if one of them is set, and if neither is: v3 needs some key.
	id := placeholder(faults, "WXPAY_PUBLIC_KEY_ID", c.V3.PublicKeyID, "PUB_KEY_ID_0")
	platform, err := v3json.ParsePublicKey(id, []byte(c.V3.PublicKey))
	addFault(faults, "WXPAY_PUBLIC_KEY", err)
	if err != nil {
		return v3json.Keyring{}
	}
	keys, err := v3json.NewKeyring(platform)
	addFault(faults, "WXPAY_PUBLIC_KEY_ID", err)
	return keys
}

// certificates returns the platform certificates of a merchant with an APIv3 key, which are
// downloaded when they are first needed. It is nil for a merchant without one.
func certificates(c config.Config, faults *config.Faults) *v3json.Certificates {
	if c.V3.Key.Reveal() == "" {
		return nil
	}
	key, err := v3json.ParseV3Key(c.V3.Key.Reveal())
	addFault(faults, "WXPAY_V3_KEY", err)
	return &v3json.Certificates{
		Key: key,
		// The temporary folder is the only one that a function may write to. A warm instance finds
		// the file again.
		File: filepath.Join(os.TempDir(), "cloudpay-certificates-"+c.MchID+"-"+string(c.Region)+".json"),
		Report: func(ctx context.Context, err error) {
			slog.WarnContext(ctx, "platform certificates", "fault", err.Error())
		},
		Roots: rootsOf(c, faults),
	}
}

// rootsOf are the configured roots of platform certificates; nil if there are none. A certificate
// then counts because only the holder of the APIv3 key can have encrypted it.
func rootsOf(c config.Config, faults *config.Faults) *x509.CertPool {
	if c.V3.Roots == "" {
		return nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.V3.Roots)) {
		faults.List = append(faults.List, config.Fault{
			Variable: "WXPAY_CERT_ROOTS",
			Problem:  bilingual.New("holds no certificate that can be read", "没有可读取的证书"),
			Remedy:   bilingual.New("give whole certificates", "请填完整的证书"),
		})
	}
	return roots
}

// placeholder returns a variable's value, or the stand-in for one that is missing or already
// reported as faulty. A faulty value may be a secret in the wrong variable, and must not be quoted.
func placeholder(faults *config.Faults, variable, value, in string) string {
	if faults.Has(variable) || value == "" {
		return in
	}
	return value
}
