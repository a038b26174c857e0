package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// timeLimit is what the emulated platform gives an invocation, as serverless.yml
// says for the real one.
const timeLimit = 10 * time.Second

// emulator is WeChat Pay on this machine, with its servers.
type emulator struct {
	gateway *paygate.Gateway
	secrets *secrets
	servers []*http.Server
	// store is where the functions keep registered orders; empty: nowhere.
	store string

	gatewayURL, backupURL, adminURL string
}

// addresses are where an emulator listens; all of them on loopback, port 0 for
// any that is free.
type addresses struct{ gateway, backup, admin, cloud string }

// anywhere is any free port.
var anywhere = addresses{gateway: "127.0.0.1:0", backup: "127.0.0.1:0", admin: "127.0.0.1:0", cloud: "127.0.0.1:0"}

func (a addresses) check() error {
	var faults []error
	for _, given := range []struct{ flag, address string }{
		{"--gateway-addr", a.gateway}, {"--backup-addr", a.backup}, {"--admin-addr", a.admin}, {"--cloud-addr", a.cloud},
	} {
		host, _, err := net.SplitHostPort(given.address)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			faults = append(faults, bilingual.Errorf("%s: %q is not a loopback address with a port, such as 127.0.0.1:8080",
				"%s：%q 不是带端口的回环地址，如 127.0.0.1:8080", given.flag, given.address))
		}
	}
	return errors.Join(faults...)
}

// startEmulator starts the gateway and its management API with dir's keys.
func startEmulator(ctx context.Context, dir string, at addresses) (*emulator, error) {
	s, err := loadSecrets(dir)
	if err != nil {
		return nil, err
	}
	gateway, err := paygate.New(paygate.Options{Merchants: []*paygate.Merchant{s.merchant}, PlatformKey: s.gatewayKey})
	if err != nil {
		return nil, damaged(dir, err)
	}
	e := &emulator{gateway: gateway, secrets: s}
	for _, served := range []struct {
		url           *string
		flag, address string
		handler       http.Handler
	}{
		{&e.gatewayURL, "--gateway-addr", at.gateway, gateway},
		{&e.backupURL, "--backup-addr", at.backup, gateway.Backup()},
		{&e.adminURL, "--admin-addr", at.admin, gateway.Admin()},
	} {
		if *served.url, err = e.serve(ctx, served.flag, served.address, served.handler); err != nil {
			e.stop()
			return nil, err
		}
	}
	return e, nil
}

// serve serves a handler until stop, and returns its URL. flag is who chose the
// address.
func (e *emulator) serve(ctx context.Context, flag, address string, h http.Handler) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", bilingual.Errorf("%s: %w", "%s：%w", flag, err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: timeLimit}
	e.servers = append(e.servers, server)
	go func() { _ = server.Serve(l) }() // ends with stop
	return "http://" + l.Addr().String(), nil
}

// stop ends everything; what hangs by a fault is let go first.
func (e *emulator) stop() {
	_ = e.gateway.Close()
	for _, server := range e.servers {
		_ = server.Close()
	}
}

// A role is how a function stands before the gateway: the dialect it speaks by
// default, where its merchant is, and whether it acts for sub-merchants.
type role struct {
	api, region string
	partner     bool
}

func (r role) check() error {
	var faults []error
	if !slices.Contains(apis(), r.api) {
		faults = append(faults, bilingual.Errorf("--api: must be %s, not %q", "--api：须为 %s，而不是 %q", strings.Join(apis(), ", "), r.api))
	}
	if !slices.Contains(regions(), r.region) {
		faults = append(faults, bilingual.Errorf("--region: must be %s, not %q",
			"--region：须为 %s，而不是 %q", strings.Join(regions(), ", "), r.region))
	}
	return errors.Join(faults...)
}

func apis() []string    { return []string{"v3", "v2", "wxcloudrun"} }
func regions() []string { return []string{"cn", "global", "hk"} }

// env is the environment of a function before this gateway. Keys are given as
// files, since SCF allows 4 KB in all.
func (e *emulator) env(r role) map[string]string {
	env := map[string]string{
		"WXPAY_API":              r.api,
		"WXPAY_REGION":           r.region,
		"WXPAY_MCHID":            e.secrets.merchant.MchID,
		"WXPAY_APPID":            e.secrets.merchant.AppID,
		"WXPAY_V2_KEY":           e.secrets.merchant.V2Key,
		"WXPAY_SERIAL_NO":        e.secrets.merchant.SerialNo,
		"WXPAY_PRIVATE_KEY":      e.secrets.privateKeyFile,
		"WXPAY_PUBLIC_KEY_ID":    e.gateway.PublicKeyID(),
		"WXPAY_PUBLIC_KEY":       e.secrets.publicKeyFile,
		"WXPAY_V3_KEY":           e.secrets.merchant.V3Key,
		"WXPAY_BASE_URL":         e.gatewayURL,
		"WXPAY_BACKUP_URL":       e.backupURL,
		"WXPAY_ROUTE":            "own",
		"WXPAY_CLOUDRUN_URL":     e.gatewayURL,
		"CLOUDPAY_CALLER_POLICY": "any",
		nameServiceToken:         e.secrets.tokens.ServiceToken,
		"CLOUDPAY_HTTP_TOKEN":    e.secrets.tokens.HTTPToken,
		nameTimerToken:           e.secrets.tokens.TimerToken,
		"CLOUDPAY_LISTEN_HOST":   "127.0.0.1",
	}
	if e.store != "" {
		env[nameStore] = e.store
	}
	if r.partner {
		env["WXPAY_MODE"], env["WXPAY_SUB_MCHID"] = "partner", emulatedSubMchID
	}
	return env
}

// Where a function and whoever calls it as a service or as a timer find the token.
const (
	nameServiceToken = "CLOUDPAY_SERVICE_TOKEN"
	nameTimerToken   = "CLOUDPAY_TIMER_TOKEN"
)

// deploy starts both functions as SCF's Go1 runtime does.
func deploy(ctx context.Context, bin string, env map[string]string, logs io.Writer) (map[string]*platform.Function, error) {
	return deployOn(ctx, platform.Go1, bin, env, logs)
}

// deployOn starts both functions from the binaries in bin. What they log goes to
// logs.
func deployOn(
	ctx context.Context, runtime platform.Runtime, bin string, env map[string]string, logs io.Writer,
) (map[string]*platform.Function, error) {
	functions := map[string]*platform.Function{}
	for _, name := range functionNames() {
		binary, err := binaryOf(bin, name, runtime)
		if err != nil {
			undeploy(functions)
			return nil, err
		}
		f, err := platform.Start(ctx, platform.Spec{
			Name:      name,
			Binary:    binary,
			Runtime:   runtime,
			Env:       environ(env),
			TimeLimit: timeLimit,
			Log:       logs,
		})
		if err != nil {
			undeploy(functions)
			return nil, bilingual.Errorf("starting the function %s: %w", "启动云函数 %s：%w", name, err)
		}
		functions[name] = f
	}
	return functions, nil
}

func undeploy(functions map[string]*platform.Function) {
	for _, f := range functions {
		_ = f.Close()
	}
}

func environ(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// buildFunctions compiles both functions of the repository that the user stands
// in, the way they are compiled for deployment.
func buildFunctions(ctx context.Context, bin string, tags ...string) error {
	dir, err := repository(ctx)
	if err != nil {
		return err
	}
	for _, name := range functionNames() {
		err := platform.Build(ctx, dir, "./functions/"+name, filepath.Join(bin, name), tags...)
		switch {
		case ctx.Err() != nil:
			return notBuilt()
		case err != nil:
			return bilingual.Errorf("building the function %s: %w", "编译云函数 %s：%w", name, err)
		}
	}
	return nil
}

// notBuilt is the end of a build that a signal stopped.
func notBuilt() error {
	return bilingual.Errorf("%w: the functions are not built", "%w：云函数尚未编译完成", errInterrupted)
}

// repository is the folder of cloudpay's module, when the user stands in it.
func repository(ctx context.Context) (string, error) {
	path, dir, err := platform.Module(ctx)
	switch {
	case ctx.Err() != nil:
		return "", notBuilt()
	case errors.Is(err, exec.ErrNotFound):
		return "", bilingual.Errorf("the functions are built from source, and the go command is not on the PATH: install Go 1.26",
			"云函数需从源码编译，而 PATH 中没有 go 命令：请安装 Go 1.26")
	case err != nil, path != "cloudpay":
		return "", bilingual.Errorf("the functions are built from source: run this inside cloudpay's repository",
			"云函数需从源码编译：请在 cloudpay 的代码仓库中运行")
	}
	return dir, nil
}

// absolute makes a folder's name good for other processes, which stand elsewhere.
func absolute(dir string) (string, error) {
	if dir == "" {
		return "", usagef("--dir: name a folder, which may be a new one", "--dir：请指定目录，可为新目录")
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", bilingual.Errorf("finding %s: %w", "查找 %s：%w", dir, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", bilingual.Errorf("making the folder %s: %w", "创建目录 %s：%w", dir, err)
	}
	return path, nil
}
