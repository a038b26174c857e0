// Package desk is the emulated world of one folder: WeChat Pay (package paygate), the cloud with
// the functions on it (package platform), the keys and tokens that all of them share, and the file
// that says how they are reached.
//
// One process opens the folder and serves:
//
//	dir, release, err := desk.Lock(dir)     // one emulator at a time
//	d, err := desk.Start(ctx, dir, addresses) // WeChat Pay, with the folder's keys
//	url, stop, err := d.Deploy(ctx, …)       // the functions, and the cloud before them
//	forget, err := d.Describe(url, …).Write(dir)
//
// Others [Read] the description and [Description.Call] the functions.
//
// A folder holds
//
//	secrets.json            tokens, APIv2 and APIv3 keys, the serial number
//	apiclient_key.pem       the merchant's private key
//	wechatpay_key.pem       the emulated gateway's private key
//	pub_key.pem             its public half, written anew from it at each start
//	clock                   how far the clock was moved on
//	emulator.json           the Description, while an emulator serves
//	lock                    held by the process that serves
package desk

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/pkg/paygate"
)

// Addresses are where a desk listens, as host and port. Port 0 takes any free port.
type Addresses struct {
	Gateway string // WeChat Pay, on its main domain
	Backup  string // the same gateway, as its backup domain reaches it
	Admin   string // the gateway's management API, which the protocol must not be mixed with
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

// Desk is WeChat Pay on this machine, with its servers.
type Desk struct {
	// Gateway is the state behind the servers: orders, payments, faults.
	Gateway *paygate.Gateway

	secrets *secrets
	clock   *clock
	servers []*http.Server
	traffic seen

	// Where the servers listen, known once the system has chosen the free ports.
	gatewayURL, backupURL, adminURL string
}

// Start starts WeChat Pay and its management API with the keys in dir, which are made on first use.
// The orders are new each time: only keys are kept. Close ends it; nothing serves after an error.
func Start(ctx context.Context, dir string, at Addresses) (*Desk, error) {
	s, err := loadSecrets(dir)
	if err != nil {
		return nil, err
	}
	clock, err := openClock(dir)
	if err != nil {
		return nil, err
	}
	d := &Desk{secrets: s, clock: clock}
	gateway, err := paygate.New(paygate.Options{
		Merchants: []*paygate.Merchant{s.merchant}, PlatformKey: s.gatewayKey, Start: time.Now().Add(clock.before),
		Observe: d.traffic.observe,
	})
	if err != nil {
		return nil, damaged(dir, err)
	}
	if err := clock.follow(gateway); err != nil {
		return nil, err
	}
	d.Gateway = gateway
	for _, part := range []struct {
		url           *string
		name, address string
		handler       http.Handler
	}{
		{&d.gatewayURL, "gateway", at.Gateway, gateway},
		{&d.backupURL, "backup", at.Backup, gateway.Backup()},
		{&d.adminURL, "admin", at.Admin, clock.noting(gateway.Admin())},
	} {
		if *part.url, err = d.serve(ctx, part.name, part.address, part.handler); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// serve serves a handler until Close, and returns its URL. name says in the error which of the
// addresses could not be listened on.
func (d *Desk) serve(ctx context.Context, name, address string, h http.Handler) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", bilingual.Errorf("the address of the %s: %w", "%s 的监听地址：%w", name, err)
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
	for _, server := range d.servers {
		_ = server.Close()
	}
}

// Deployment says how the functions run.
type Deployment struct {
	Binaries map[string]string // by function, from [Find]
	Runtime  platform.Runtime
	Env      map[string]string // from [Desk.Env]
	Logs     io.Writer         // gets what the platform and the functions log
	Address  string            // where the cloud listens
	// Origins are those of the web pages that may call the functions, and Keys those of which SDKs
	// have to sign with one; without any, every signature will do.
	Origins []string
	Keys    access.Keys
	// Ended, if not nil, gets each call of the cloud when it has ended. It must not block.
	Ended func(traffic.Call)
}

// Deploy starts the functions and serves the cloud that they are called by, at the URL. stop ends
// both: the functions first, since the cloud waits for the events that they still handle. After an
// error nothing of the deployment runs. A desk may hold several deployments one after the other,
// each with its own settings and the same gateway.
func (d *Desk) Deploy(ctx context.Context, as Deployment) (url string, stop func(), err error) {
	functions := map[string]*platform.Function{}
	cloud := &platform.Cloud{
		Functions: functions, AppID: d.secrets.merchant.AppID, AllowOrigins: as.Origins, Keys: as.Keys,
		Clock: &platform.Clock{Now: d.Gateway.Time}, Journal: traffic.Journal{Ended: as.Ended},
	}
	d.traffic.by(cloud)
	stop = func() { // also of a deployment that is half made
		for _, f := range functions {
			_ = f.Close()
		}
		_ = cloud.Close()
	}
	for _, name := range Functions() {
		functions[name], err = platform.Start(ctx, platform.Spec{
			Name: name, Binary: as.Binaries[name], Runtime: as.Runtime, Env: Environ(as.Env), TimeLimit: timeLimit, Log: as.Logs,
		})
		if err != nil {
			delete(functions, name)
			stop()
			return "", nil, bilingual.Errorf("starting the function %s: %w", "启动云函数 %s：%w", name, err)
		}
	}
	if url, err = d.serve(ctx, "cloud", as.Address, cloud); err != nil {
		stop()
		return "", nil, err
	}
	return url, stop, nil
}
