// Package desk is the emulated world of one folder: WeChat Pay (package paygate), the cloud with
// the functions on it (package platform), the keys and tokens that all of them share, and the file
// that says how they are reached.
//
// One process opens the folder and serves:
//
//	dir, release, err := desk.Lock(dir)     // one emulator at a time
//	d, err := desk.Start(ctx, dir, addresses) // WeChat Pay, with the folder's keys
//	url, stop, err := d.Deploy(ctx, …)       // the functions, and the cloud before them
//	err = d.Redeploy(ctx, …)                 // the functions again, without an interruption
//	forget, err := d.Describe(url, …).Write(dir)
//
// Others [Read] the description and [Description.Call] the functions.
//
// A folder holds
//
//	secrets.json            tokens, APIv2 and APIv3 keys, the serial number
//	apiclient_key.pem       the merchant's private key
//	wechatpay_key.pem       the emulated gateway's private key
//	certificate_key.pem     that of its first platform certificate
//	pub_key.pem             its public half, written anew from it at each start
//	gateway.db              WeChat Pay's orders, its clock and its history
//	cloud.db                asynchronous events of the cloud, and how far calls are numbered
//	clock                   by how much that was moved on, from gateway.db at each start
//	emulator.json           the Description, while an emulator serves
//	lock, lock.pid          held by the process that serves, and its id
package desk

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/ports"
	"cloudpay/internal/emulator/sink"
	"cloudpay/internal/emulator/spool"
	"cloudpay/pkg/paygate"
)

// Addresses are where a desk listens, as host and port, and where it may call. Port 0 takes any
// free port.
type Addresses struct {
	Gateway string // WeChat Pay, on its main domain
	Backup  string // the same gateway, as its backup domain reaches it
	Admin   string // the gateway's management API, which the protocol must not be mixed with
	// Reserved has listeners that were opened before, by the names in serve; nil: none.
	Reserved *ports.Reserved
	// NotifyHosts are the hosts besides this machine that the gateway may notify.
	NotifyHosts []string
}

// AnyPort is the address of any free port of the loopback interface.
const AnyPort = "127.0.0.1:0"

// CheckAddress reports an address that is not a loopback address with a port. The emulators answer
// without knowing the caller, so they are not to be reached from another machine.
func CheckAddress(address string) error {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return bilingual.Errorf("%q is not a loopback address with a port, such as 127.0.0.1:8080",
			"%q 不是带端口的回环地址，如 127.0.0.1:8080", address)
	}
	return nil
}

// CheckHosts reports the first of NotifyHosts that is not a name or an address alone.
func CheckHosts(hosts []string) error {
	for _, host := range hosts {
		address := url.URL{Host: host}
		if net.ParseIP(host) == nil && (host == "" || strings.ContainsAny(host, "/@[]? ") || address.Hostname() != host) {
			return bilingual.Errorf("%q is not a host alone, without scheme, port and path, such as shop.example",
				"%q 不是单独的主机名（不含协议、端口与路径），如 shop.example", host)
		}
	}
	return nil
}

// Desk is WeChat Pay on this machine, with its servers.
type Desk struct {
	// Gateway is the state behind the servers: orders, payments, faults.
	Gateway *paygate.Gateway

	secrets  *secrets
	clock    *clock
	reserved *ports.Reserved
	servers  []*http.Server
	running  *running // the last deployment; nil before the first
	traffic  seen
	sink     *sink.Sink   // nil: none was served
	spool    *spool.Spool // what the cloud leaves to the next one
	scenes   sync.Mutex   // held while a scenario is set
	more     sync.Map     // further calls of the management API: http.Handlers by path

	// Where the servers listen, known once the system has chosen the free ports.
	gatewayURL, backupURL, adminURL, consoleURL, eventsURL string
}

// Start starts WeChat Pay and its management API with the keys in dir, which are made on first use,
// and with the orders and the clock of earlier runs. Close ends it; nothing serves after an error.
func Start(ctx context.Context, dir string, at Addresses) (*Desk, error) {
	s, err := loadSecrets(dir)
	if err != nil {
		return nil, err
	}
	d := &Desk{secrets: s, reserved: at.Reserved}
	if d.spool, err = spool.Open(filepath.Join(dir, cloudFile)); err != nil {
		return nil, err
	}
	if err := d.traffic.number(d.spool); err != nil {
		_ = d.spool.Close() // the error that matters is why it cannot be used
		return nil, err
	}
	gateway, err := openGateway(dir, s, paygate.Options{
		Observe: d.traffic.observe, ObserveNotification: d.traffic.notified, NotifyHosts: at.NotifyHosts,
	})
	if err != nil {
		_ = d.spool.Close() // as above
		return nil, err
	}
	d.Gateway = gateway
	if d.clock, err = follow(dir, gateway); err != nil {
		d.Close()
		return nil, err
	}
	for _, part := range []struct {
		url           *string
		name, address string
		handler       http.Handler
	}{
		{&d.gatewayURL, "gateway", at.Gateway, gateway},
		{&d.backupURL, "backup", at.Backup, gateway.Backup()},
		{&d.adminURL, "admin", at.Admin, d.management()},
	} {
		if *part.url, err = d.serve(ctx, part.name, part.address, part.handler); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// gatewayFile keeps the gateway's orders, history and clock, and cloudFile what the cloud leaves to
// the next one.
const (
	gatewayFile = "gateway.db"
	cloudFile   = "cloud.db"
)

// management is WeChat Pay's management API, with what concerns both worlds besides: the deliveries
// to the merchant's server, and the scenario.
func (d *Desk) management() http.Handler {
	admin := d.clock.noting(d.Gateway.Admin())
	d.Manage("/deliveries", &d.traffic.deliveries)
	d.Manage("/deliveries/stream", &d.traffic.deliveries)
	d.Manage("/scenario", http.HandlerFunc(d.serveScenario))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		more, _ := d.more.Load(r.URL.Path)
		if call, is := more.(http.Handler); is {
			call.ServeHTTP(w, r)
			return
		}
		admin.ServeHTTP(w, r)
	})
}

// Manage adds a call to the management API, at any time. Only requests of this machine and of no
// foreign web page get to the handler.
func (d *Desk) Manage(path string, call http.Handler) { d.more.Store(path, onlyHere(call)) }

// OpenGateway opens the gateway of a folder as Start does, for its state: it listens nowhere. It
// has to be closed.
func (at Addresses) OpenGateway(dir string) (*paygate.Gateway, error) {
	s, err := loadSecrets(dir)
	if err != nil {
		return nil, err
	}
	return openGateway(dir, s, paygate.Options{NotifyHosts: at.NotifyHosts})
}

// openGateway opens the gateway of a folder, with its keys besides the options given. Its clock
// runs, and goes on where it stood.
func openGateway(dir string, s *secrets, options paygate.Options) (*paygate.Gateway, error) {
	options.Merchants, options.PlatformKey, options.CertificateKey = []*paygate.Merchant{s.merchant}, s.gatewayKey, s.certificateKey
	options.Running, options.File = true, filepath.Join(dir, gatewayFile)
	if _, err := os.Stat(options.File); errors.Is(err, fs.ErrNotExist) {
		ahead, err := olderClock(dir)
		if err != nil {
			return nil, err
		}
		if ahead > 0 {
			options.Start = time.Now().Add(ahead)
		}
	}
	gateway, err := paygate.New(options)
	switch {
	case err == nil:
		return gateway, nil
	case isPathError(err): // the system's refusal, and not the file's content
		return nil, bilingual.Errorf("starting WeChat Pay: %w", "启动微信支付：%w", err)
	case strings.Contains(err.Error(), gatewayFile):
		return nil, bilingual.Errorf("starting WeChat Pay: %w\nor choose another folder with --dir",
			"启动微信支付：%w\n或用 --dir 另选目录", err)
	}
	return nil, damaged(dir, err)
}

// isPathError reports whether the system refused to open or to write a file.
func isPathError(err error) bool {
	_, is := errors.AsType[*fs.PathError](err)
	return is
}

// serve serves a handler until Close, and returns its URL. name says in the error which of the
// addresses could not be listened on: gateway, backup, admin, cloud, console, events.
func (d *Desk) serve(ctx context.Context, name, address string, h http.Handler) (string, error) {
	l, err := d.reserved.Listen(ctx, ports.Place{Name: name, Address: address})
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: timeLimit}
	d.servers = append(d.servers, server)
	go func() { _ = server.Serve(l) }() // ends with Close
	return "http://" + l.Addr().String(), nil
}

// Close ends all servers at once. Requests that a fault keeps waiting are released first: their
// handlers would keep the process from ending.
func (d *Desk) Close() {
	_ = d.Gateway.Close()
	if d.sink != nil {
		d.sink.Close()
	}
	d.traffic.deliveries.Close()
	for _, server := range d.servers {
		_ = server.Close()
	}
	_ = d.spool.Close() // everything is in it
}
