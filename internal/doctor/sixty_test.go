package doctor_test

import (
	"strings"
	"testing"

	"cloudpay/internal/doctor"
)

// faulty is a deployment with one mistake: make makes it of a good one, and wantText is in the
// first bad finding, as it is with its line.
type faulty struct {
	name string
	// description is the one that the mistake is made in; cloudbaserc.json when empty.
	description string
	make        func(*folder)
	wantCheck   doctor.Check
	wantLevel   doctor.Level
	wantText    string
}

const timerOfCloseorder = `"config": "0 * * * * * *"`

// faultyDeployments are the mistakes that a description and its values show.
var faultyDeployments = []faulty{
	// Values.
	{"a value is not set", "", func(f *folder) { delete(f.values, "WXPAY_SERIAL_NO") }, doctor.CheckDeployment, doctor.LevelFault, "cloudbaserc.json:17 closeorder | WXPAY_SERIAL_NO takes WXPAY_SERIAL_NO from the environment, where it is not set"},
	{"a value has a slip in its name", "", func(f *folder) {
		f.set("WXPAY_MCH_ID", f.values["WXPAY_MCHID"])
		delete(f.values, "WXPAY_MCHID")
	}, doctor.CheckDeployment, doctor.LevelFault, "where it is not set (values.env:7 has WXPAY_MCH_ID)"},
	{"a value is empty", "", func(f *folder) { f.set("WXPAY_PUBLIC_KEY", "") }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PUBLIC_KEY is empty (values.env:9)"},
	{"a value that no function takes", "", func(f *folder) { f.set("WXPAY_V2_KEY", strings.Repeat("k2", 16)) }, doctor.CheckDeployment, doctor.LevelFault, "values.env:12 | WXPAY_V2_KEY is set, and cloudbaserc.json does not take it"},
	{"no environment's id", "", func(f *folder) {
		delete(f.values, "ENV_ID")
		f.without("LOGIN_ENV")
		f.replace(`"CLOUDPAY_BEHIND_WX_GATEWAY": "1",`, `"CLOUDPAY_BEHIND_WX_GATEWAY": "1"`)
	}, doctor.CheckDeployment, doctor.LevelFault, "line 3: envId takes ENV_ID from the environment"},
	{"values of serverless.yml", "serverless.yml", func(f *folder) { delete(f.values, "CLOUDPAY_STORE") }, doctor.CheckDeployment, doctor.LevelFault, "serverless.yml:63 closeorder | CLOUDPAY_STORE takes"},
	{"values of serverless.aws.yml", "serverless.aws.yml", func(f *folder) { delete(f.values, "WXPAY_V3_KEY") }, doctor.CheckDeployment, doctor.LevelFault, "serverless.aws.yml:114 public | WXPAY_V3_KEY takes"},
	{"not a file of values", "", func(f *folder) { f.set("WXPAY_APPID\nno value", "x") }, doctor.CheckDeployment, doctor.LevelFault, "a line is not NAME=value"},
	// The configuration of each function.
	{"a variable is not described", "", func(f *folder) { f.without(`"WXPAY_SERIAL_NO"`); delete(f.values, "WXPAY_SERIAL_NO") }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_SERIAL_NO is not set |"},
	{"a misspelt variable", "", func(f *folder) { f.replaceAll(`"WXPAY_MCHID":`, `"WXPAY_MCH_ID":`) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_MCH_ID is not a variable of ours"},
	{"an unknown variable", "", func(f *folder) { f.replace(`"WXPAY_API": "v3",`, `"WXPAY_API": "v3", "WXPAY_TIMEOUT": "3",`) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_TIMEOUT is no variable"},
	{"a reserved variable", "", func(f *folder) { f.replace(`"WXPAY_API": "v3",`, `"WXPAY_API": "v3", "SCF_REGION": "x",`) }, doctor.CheckDeployment, doctor.LevelFault, "the prefix SCF_ is the platform's own"},
	{"a serial number that is not hex", "", func(f *folder) { f.set("WXPAY_SERIAL_NO", "5157F09EFDC096DE15EBE81A47057A72ZZZZZZZZ") }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_SERIAL_NO has no hex digit at position 33 (values.env:11)"},
	{"the public key's id as a serial number", "", func(f *folder) { f.set("WXPAY_SERIAL_NO", f.values["WXPAY_PUBLIC_KEY_ID"]) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_SERIAL_NO is the id of WeChat Pay's public key"},
	{"a serial number as the public key's id", "", func(f *folder) { f.set("WXPAY_PUBLIC_KEY_ID", f.values["WXPAY_SERIAL_NO"]) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PUBLIC_KEY_ID is a certificate's serial number"},
	{"a private key that is cut off", "", func(f *folder) {
		text := privatePEM(f.t, keyPair()[0])
		f.set("WXPAY_PRIVATE_KEY", encoded(text[:len(text)/2]+"\n-----END PRIVATE KEY-----\n"))
	}, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PRIVATE_KEY "},
	{"a bare private key", "", func(f *folder) {
		text := strings.Split(strings.TrimSpace(privatePEM(f.t, keyPair()[0])), "\n")
		f.set("WXPAY_PRIVATE_KEY", strings.Join(text[1:len(text)-1], ""))
	}, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PRIVATE_KEY is base64 of a bare key"},
	{"a public key as the private key", "", func(f *folder) { f.set("WXPAY_PRIVATE_KEY", f.values["WXPAY_PUBLIC_KEY"]) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PRIVATE_KEY is a public key"},
	{"a private key as the public key", "", func(f *folder) { f.set("WXPAY_PUBLIC_KEY", f.values["WXPAY_PRIVATE_KEY"]) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PUBLIC_KEY is a private key"},
	{"the merchant's own public key", "", func(f *folder) { f.set("WXPAY_PUBLIC_KEY", encoded(publicPEM(f.t, keyPair()[0]))) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PUBLIC_KEY holds the public half of WXPAY_PRIVATE_KEY"},
	{"a certificate as the private key", "", func(f *folder) {
		f.set("WXPAY_PRIVATE_KEY", encoded("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"))
	}, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PRIVATE_KEY is a certificate"},
	{"a key of 1024 bits", "", func(f *folder) { f.set("WXPAY_PRIVATE_KEY", encoded(privatePEM(f.t, newKey(f.t, 1024)))) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PRIVATE_KEY cannot be used: private key: it has 1024 bits"},
	{"a key file that is not packed", "", func(f *folder) {
		f.set("WXPAY_PRIVATE_KEY", "cert/apiclient_key.pem")
		f.files["dist/closeorder/readme"] = "x"
	}, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_PRIVATE_KEY is neither PEM nor base64 of PEM, and no file is there by that path"},
	{"an APIv3 key of 31 letters", "", func(f *folder) { f.set("WXPAY_V3_KEY", strings.Repeat("k", 31)) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_V3_KEY has 31 bytes instead of 32"},
	{"notifications without the APIv3 key", "", func(f *folder) { f.without(`"WXPAY_V3_KEY"`); delete(f.values, "WXPAY_V3_KEY") }, doctor.CheckDeployment, doctor.LevelFault, "cloudpay-public | WXPAY_V3_KEY is not set, and notifications are encrypted with it"},
	{"v2 without its key", "", func(f *folder) { f.replaceAll(`"WXPAY_API": "v3"`, `"WXPAY_API": "v2"`) }, doctor.CheckDeployment, doctor.LevelFault, "closeorder | WXPAY_V2_KEY is not set"},
	{"an API that is none", "", func(f *folder) { f.replaceAll(`"WXPAY_API": "v3"`, `"WXPAY_API": "V3"`) }, doctor.CheckDeployment, doctor.LevelFault, "cloudbaserc.json:14 closeorder | WXPAY_API is not one of the accepted words"},
	{"a sub-merchant of a direct merchant", "", func(f *folder) {
		f.replace(`"WXPAY_API": "v3",`, `"WXPAY_API": "v3", "WXPAY_MODE": "direct", "WXPAY_SUB_MCHID": "1900000109",`)
	}, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_SUB_MCHID is set, but the mode is direct"},
	{"a sub-merchant that is not allowed", "", func(f *folder) {
		f.replace(`"WXPAY_API": "v3",`, `"WXPAY_API": "v3", "WXPAY_SUB_MCHID": "1900000109", "WXPAY_SUB_MCHIDS": "1900000110",`)
	}, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_SUB_MCHID is not in the allow-list"},
	{"a merchant number with a space", "", func(f *folder) { f.set("WXPAY_MCHID", "19000 00001") }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_MCHID has no digit at position 6"},
	{"one token for two", "", func(f *folder) { f.set("CLOUDPAY_HTTP_TOKEN", f.values["CLOUDPAY_SERVICE_TOKEN"]) }, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_HTTP_TOKEN is the same as CLOUDPAY_SERVICE_TOKEN"},
	{"a short token", "", func(f *folder) { f.set("CLOUDPAY_SERVICE_TOKEN", "hunter2") }, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_SERVICE_TOKEN has 7 bytes, less than 16"},
	{"a store's scheme", "", func(f *folder) { f.set("CLOUDPAY_STORE", "redis://db.example/0") }, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_STORE is no address of a database"},
	{"a store of the function's own", "", func(f *folder) { f.set("CLOUDPAY_STORE", "sqlite:/tmp/orders.db") }, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_STORE "},
	{"events without a key", "", func(f *folder) {
		f.replace(`"WXPAY_API": "v3",`, `"WXPAY_API": "v3", "CLOUDPAY_NOTIFY_URL": "https://shop.example/events",`)
	}, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_NOTIFY_KEY is not set beside CLOUDPAY_NOTIFY_URL"},
	{"the sweep's route without its token", "", func(f *folder) { f.without(`"CLOUDPAY_TIMER_TOKEN"`); delete(f.values, "CLOUDPAY_TIMER_TOKEN") }, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_TIMER_TOKEN is not set, and the route sweep needs it"},
	{"a route that is none", "", func(f *folder) { f.replace("paynotify,sweep,healthz", "paynotify,sweeps") }, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_ROUTES is wrong in entry 2"},
	{"more than 4 KB", "", func(f *folder) {
		f.set("WXPAY_PRIVATE_KEY", encoded(privatePEM(f.t, keyPair()[0])+strings.Repeat("\n", 2000)))
	}, doctor.CheckDeployment, doctor.LevelFault, "more than the 4 KB that the platform takes; the longest is WXPAY_PRIVATE_KEY"},
	// What is written in the file.
	{"a secret in the file", "", func(f *folder) {
		f.replaceAll("{{env.CLOUDPAY_SERVICE_TOKEN}}", f.values["CLOUDPAY_SERVICE_TOKEN"])
		delete(f.values, "CLOUDPAY_SERVICE_TOKEN")
	}, doctor.CheckDeployment, doctor.LevelFault, "cloudbaserc.json:21 closeorder | CLOUDPAY_SERVICE_TOKEN is written in the file"},
	{"a password in the file", "serverless.yml", func(f *folder) {
		f.replace("CLOUDPAY_STORE: ${env:CLOUDPAY_STORE}", "CLOUDPAY_STORE: "+f.values["CLOUDPAY_STORE"])
		delete(f.values, "CLOUDPAY_STORE")
	}, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_STORE is written in the file"},
	{"the file is cut off", "", func(f *folder) { f.files[f.main] = f.files[f.main][:900] }, doctor.CheckDeployment, doctor.LevelFault, "it is not JSON"},
	{"YAML with a tab", "serverless.yml", func(f *folder) { f.replace("  name: tencent", "\tname: tencent") }, doctor.CheckDeployment, doctor.LevelFault, "it is not YAML"},
	{"two functions of one name", "", func(f *folder) { f.replace(`"name": "queryorder",`, `"name": "closeorder",`) }, doctor.CheckDeployment, doctor.LevelFault, "closeorder is described twice, first in line 7"},
	{"a function's name", "", func(f *folder) { f.replace(`"name": "closeorder",`, `"name": "close.order",`) }, doctor.CheckDeployment, doctor.LevelFault, "a function's name is"},
	// Who may come in.
	{"a door behind the gateway", "", func(f *folder) { f.replace(`"name": "cloudpay",`, `"name": "cloudpay", "path": "/pay",`) }, doctor.CheckDeployment, doctor.LevelFault, `no public address leads here, and "/pay" does`},
	{"notifications behind the gateway", "", func(f *folder) { f.replace("closeorder,queryorder,dropin,healthz", "closeorder,paynotify") }, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_BEHIND_WX_GATEWAY is set, and the function serves paynotify"},
	{"an event function behind the gateway", "", func(f *folder) { f.replace(`"name": "cloudpay",`+"\n"+`      "type": "HTTP",`, `"name": "cloudpay",`) }, doctor.CheckDeployment, doctor.LevelFault, "event function, which wx.cloud.callHTTPFunction does not call"},
	{"isHTTP", "", func(f *folder) {
		f.replace(`"name": "cloudpay-public",`+"\n"+`      "type": "HTTP",`, `"name": "cloudpay-public", "isHTTP": true,`)
	}, doctor.CheckDeployment, doctor.LevelFault, "isHTTP is read by no tool"},
	{"a login before notifications", "", func(f *folder) {
		f.replace(`"functions": [`, `"gateway": {"routes": [{"path": "/pay", "target": "function:cloudpay-public", "enableAuth": true}]}, "functions": [`)
	}, doctor.CheckDeployment, doctor.LevelFault, `WeChat Pay calls it, and "/pay" admits only callers with the platform's credentials`},
	{"IAM before notifications", "serverless.aws.yml", func(f *folder) {
		f.replace("WXPAY_V3_KEY: ${env:WXPAY_V3_KEY}\n", "WXPAY_V3_KEY: ${env:WXPAY_V3_KEY}\n    timeout: 11\n")
		f.replaceAll("\n    url: true", "\n    url: {authorizer: aws_iam}")
	}, doctor.CheckDeployment, doctor.LevelFault, `WeChat Pay calls it, and "url" admits only`},
	{"a context without a login", "", func(f *folder) {
		f.replace(`"CLOUDPAY_BEHIND_WX_GATEWAY": "1"`, `"CLOUDPAY_CLOUDBASE_CONTEXT": "1"`)
		f.replace(`"name": "cloudpay",`, `"name": "cloudpay", "path": "/pay",`)
	}, doctor.CheckDeployment, doctor.LevelFault, `every route has enableAuth, and "/pay" has not`},
	{"a door that admits no caller", "serverless.aws.yml", func(f *folder) { f.without("CLOUDPAY_HTTP_TOKEN: $"); delete(f.values, "CLOUDPAY_HTTP_TOKEN") }, doctor.CheckDeployment, doctor.LevelFault, "it is called over HTTP, and no caller is admitted"},
	{"WeChat's gateway on AWS", "serverless.aws.yml", func(f *folder) { f.replace("WXPAY_API: $", "CLOUDPAY_BEHIND_WX_GATEWAY: '1'\n    WXPAY_API: $") }, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_BEHIND_WX_GATEWAY=1 "},
	{"another environment's tokens", "", func(f *folder) {
		f.replace(`"CLOUDPAY_LOGIN_ENV": "{{env.ENV_ID}}"`, `"CLOUDPAY_LOGIN_ENV": "shop-9z9z"`)
	}, doctor.CheckDeployment, doctor.LevelWarning, "CLOUDPAY_LOGIN_ENV is another environment than envId"},
	{"a route with a wildcard", "", func(f *folder) {
		f.replace(`"name": "cloudpay-public",`, `"name": "cloudpay-public", "path": "/pay/*",`)
	}, doctor.CheckDeployment, doctor.LevelFault, `its route "/pay/*" is none`},
	{"a queue without reports", "serverless.aws.yml", func(f *folder) {
		f.replace("- schedule: rate(1 minute)", "- schedule: rate(1 minute)\n      - sqs: {arn: 'arn:aws:sqs:ap-southeast-1:123456789012:q', batchSize: 10}")
	}, doctor.CheckDeployment, doctor.LevelFault, "its queue takes failed messages as done"},
	// Where things are.
	{"WeChat Pay on the function's machine", "", func(f *folder) {
		f.replace(`"WXPAY_API": "v3",`, `"WXPAY_API": "v3", "WXPAY_BASE_URL": "http://127.0.0.1:9801",`)
	}, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_BASE_URL is an address of the function's own machine"},
	{"the database on the function's machine", "", func(f *folder) { f.set("CLOUDPAY_STORE", "mysql://cloudpay:wordOfThePass@localhost:3306/cloudpay") }, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_STORE is an address of the function's own machine (values.env:3)"},
	{"a private network", "", func(f *folder) {
		f.set("CLOUDPAY_STORE", "mysql://cloudpay:wordOfThePass@10.0.0.7:3306/cloudpay?tls=true")
	}, doctor.CheckDeployment, doctor.LevelFault, "the database has an address of a private network"},
	{"a database in clear", "", func(f *folder) { f.set("CLOUDPAY_STORE", "mysql://cloudpay:wordOfThePass@db.example:3306/cloudpay") }, doctor.CheckDeployment, doctor.LevelWarning, "the database is reached over a network without TLS"},
	{"the private link in a function", "", func(f *folder) { f.replace(`"WXPAY_API": "v3",`, `"WXPAY_API": "wxcloudrun",`) }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_API is wxcloudrun"},
	{"a register without an appid", "", func(f *folder) { f.without(`"WXPAY_APPID"`); delete(f.values, "WXPAY_APPID") }, doctor.CheckDeployment, doctor.LevelWarning, "it has CLOUDPAY_STORE and no WXPAY_APPID"},
	// Timers and limits.
	{"a timer without a register", "", func(f *folder) {
		f.replace(`"CLOUDPAY_STORE": "{{env.CLOUDPAY_STORE}}",`, "")
	}, doctor.CheckDeployment, doctor.LevelFault, "it has a timer and no CLOUDPAY_STORE"},
	{"a web function's timer", "", func(f *folder) {
		f.replace(`"name": "cloudpay-public",`, `"name": "cloudpay-public", "triggers": [{"name": "t", "type": "timer", "config": "0 * * * * * *"}],`)
	}, doctor.CheckDeployment, doctor.LevelFault, "it has a timer, and a web function gets none"},
	{"six fields", "", func(f *folder) { f.replace(timerOfCloseorder, `"config": "0 * * * * *"`) }, doctor.CheckDeployment, doctor.LevelFault, "has 6 fields and not the seven"},
	{"AWS's fields on SCF", "", func(f *folder) { f.replace(timerOfCloseorder, `"config": "rate(1 minute)"`) }, doctor.CheckDeployment, doctor.LevelFault, "fields and not the seven"},
	{"SCF's fields on AWS", "serverless.aws.yml", func(f *folder) { f.replace("rate(1 minute)", "cron(0 * * * * * *)") }, doctor.CheckDeployment, doctor.LevelFault, "has 7 fields and not the six"},
	{"a timer of the past", "", func(f *folder) { f.replace(timerOfCloseorder, `"config": "0 * * * * * 2020"`) }, doctor.CheckDeployment, doctor.LevelFault, "its timer closeorder_timer never fires"},
	{"a timer once a day", "", func(f *folder) { f.replace(timerOfCloseorder, `"config": "0 0 2 * * * *"`) }, doctor.CheckDeployment, doctor.LevelWarning, "lets 24h0m0s pass between two sweeps"},
	{"no timer", "", func(f *folder) {
		f.replaceAll(`"type": "timer"`, `"type": "none"`)
		f.replace("paynotify,sweep,healthz", "paynotify,healthz")
	}, doctor.CheckDeployment, doctor.LevelWarning, "there is a register of orders, and no timer in the file"},
	{"a custom runtime's timer", "serverless.yml", func(f *folder) { f.replace("runtime: Go1", "runtime: CustomRuntime") }, doctor.CheckDeployment, doctor.LevelFault, "it has a timer and no CLOUDPAY_TIMER_TOKEN"},
	{"a custom runtime's message", "serverless.yml", func(f *folder) {
		f.replace("runtime: Go1", "runtime: CustomRuntime")
		f.replace("# CLOUDPAY_TIMER_TOKEN: $", "CLOUDPAY_TIMER_TOKEN: $")
		f.set("CLOUDPAY_TIMER_TOKEN", strings.Repeat("t3", 16))
	}, doctor.CheckDeployment, doctor.LevelFault, "the message of its timer closeorder_timer is not CLOUDPAY_TIMER_TOKEN"},
	{"no time for a call", "", func(f *folder) { f.replace(`"timeout": 10`, `"timeout": 2`) }, doctor.CheckDeployment, doctor.LevelFault, "cloudbaserc.json:11 closeorder | its time limit is 2s"},
	{"no time for notifications", "", func(f *folder) { f.replace(`"timeout": 30`, `"timeout": 5`) }, doctor.CheckDeployment, doctor.LevelFault, "6s are the least that it needs"},
	{"no time limit", "", func(f *folder) { f.replace(`      "timeout": 10,`+"\n", "") }, doctor.CheckDeployment, doctor.LevelWarning, "it has no time limit"},
	{"a limit beyond the CLI's", "", func(f *folder) { f.replace(`"timeout": 30`, `"timeout": 600`) }, doctor.CheckDeployment, doctor.LevelWarning, "the CLI's page has 60s as the most"},
	{"a limit beyond the API gateway's", "serverless.aws.yml", func(f *folder) { f.replace("timeout: 10", "timeout: 60") }, doctor.CheckDeployment, doctor.LevelWarning, "its API gateway waits for 29s"},
	{"a size of memory that is none", "", func(f *folder) { f.replace(`"memorySize": 128`, `"memorySize": 100`) }, doctor.CheckDeployment, doctor.LevelFault, "its memory is 100 MB"},
	// Containers.
	{"a value of a Compose file", "compose.yaml", func(f *folder) { delete(f.values, "WXPAY_SERIAL_NO") }, doctor.CheckDeployment, doctor.LevelFault, "compose.yaml:16 web | WXPAY_SERIAL_NO takes WXPAY_SERIAL_NO from the environment"},
	{"a dollar sign in a password", "compose.yaml", func(f *folder) {
		f.replace("CLOUDPAY_STORE_FILE: /run/secrets/store", "CLOUDPAY_STORE: postgres://cloudpay:word$wordOfThePass@database/d")
	}, doctor.CheckDeployment, doctor.LevelFault, "CLOUDPAY_STORE has a $ in its text"},
	{"a secret's file that is not there", "compose.yaml", func(f *folder) { delete(f.files, "secrets/v3-key") }, doctor.CheckDeployment, doctor.LevelFault, "the files of its secrets are not there: secrets/v3-key"},
	{"a secret that the service has not", "compose.yaml", func(f *folder) { f.replace("/run/secrets/v3-key", "/run/secrets/v3-kye") }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_V3_KEY_FILE names a secret that the service does not have"},
	{"a secret's file with another form", "compose.yaml", func(f *folder) { f.files["secrets/v3-key"] = "short\n" }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_V3_KEY_FILE names a file that has 5 bytes instead of 32"},
	{"a port behind the gateway", "compose.yaml", func(f *folder) {
		f.replace("CLOUDPAY_ROUTES: closeorder,queryorder,paynotify,healthz", "CLOUDPAY_ROUTES: closeorder\n      CLOUDPAY_BEHIND_WX_GATEWAY: 1")
		f.replace("127.0.0.1:8080:8080", "8080:8080")
	}, doctor.CheckDeployment, doctor.LevelFault, `no public address leads here, and "port 8080:8080" does`},
	{"containers that do not sweep", "compose.yaml", func(f *folder) {
		f.replace("command: [cloudpay, sweep, --every, 1m, --verbose]", "command: cloudpay orders status")
	}, doctor.CheckDeployment, doctor.LevelWarning, "no timer in the file"},
	{"a secret in a ConfigMap", "deploy/kubernetes.yaml", func(f *folder) { f.replace("  TZ:", "  WXPAY_V2_KEY: "+strings.Repeat("k2", 16)+"\n  TZ:") }, doctor.CheckDeployment, doctor.LevelFault, "kubernetes.yaml:19 cloudpay-migrate | WXPAY_V2_KEY is written in the file"},
	{"a misspelt variable of a ConfigMap", "deploy/kubernetes.yaml", func(f *folder) { f.replace("WXPAY_SERIAL_NO:", "WXPAY_SERIALNO:") }, doctor.CheckDeployment, doctor.LevelFault, "WXPAY_SERIALNO is not a variable of ours"},
	{"a container's memory", "deploy/kubernetes.yaml", func(f *folder) { f.replaceAll("limits: {memory: 128Mi}", "limits: {memory: 32Mi}") }, doctor.CheckDeployment, doctor.LevelFault, "its memory is 32 MB, and it needs 64"},
	{"an Ingress behind the gateway", "deploy/kubernetes.yaml", func(f *folder) {
		f.replace("CLOUDPAY_ROUTES: closeorder,queryorder,paynotify,healthz", "CLOUDPAY_ROUTES: closeorder\n  CLOUDPAY_BEHIND_WX_GATEWAY: '1'")
		f.files[f.main] += "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: shop}\n"
	}, doctor.CheckDeployment, doctor.LevelFault, `no public address leads here, and "Ingress shop" does`},
	// The code.
	{"Node.js", "", func(f *folder) { f.replace(`"runtime": "Go1"`, `"runtime": "Nodejs18.15"`) }, doctor.CheckDeployment, doctor.LevelFault, `its runtime is "Nodejs18.15"`},
	{"the console's name of a runtime", "", func(f *folder) { f.replace(`"runtime": "Go1"`, `"runtime": "Golang 1"`) }, doctor.CheckDeployment, doctor.LevelFault, `its runtime is "Golang 1"`},
	{"a runtime that AWS has ended", "serverless.aws.yml", func(f *folder) { f.replace("runtime: provided.al2023", "runtime: go1.x") }, doctor.CheckDeployment, doctor.LevelFault, "its runtime is go1.x, which AWS has ended"},
	{"a handler of Node.js", "", func(f *folder) { f.replace(`"handler": "main"`, `"handler": "index.main"`) }, doctor.CheckDeployment, doctor.LevelFault, `its handler is "index.main"`},
	{"the handlers swapped", "serverless.yml", func(f *folder) { f.replace("handler: closeorder", "handler: queryorder") }, doctor.CheckDeployment, doctor.LevelFault, "its handler is queryorder: it would do the other function's work"},
	{"sources in place of a binary", "", func(f *folder) { f.files["dist/closeorder/main.go"] = "package main\n" }, doctor.CheckDeployment, doctor.LevelFault, "what is packed are Go's sources"},
	{"a binary that is not executable", "", func(f *folder) { f.files["dist/closeorder/main"] = binaryOf(0x3e) }, doctor.CheckDeployment, doctor.LevelFault, "the binary main is not executable"},
	{"another processor's binary", "", func(f *folder) { f.executable("dist/closeorder/main", binaryOf(0xb7)) }, doctor.CheckDeployment, doctor.LevelFault, "the binary main is for EM_AARCH64"},
	{"a Mac's binary", "", func(f *folder) { f.executable("dist/closeorder/main", "\xcf\xfa\xed\xfe"+strings.Repeat("x", 60)) }, doctor.CheckDeployment, doctor.LevelFault, "the binary main is none of Linux"},
	{"no start script", "", func(f *folder) { f.executable("dist/cloudpay/main", binaryOf(0x3e)) }, doctor.CheckDeployment, doctor.LevelFault, "what is packed has no scf_bootstrap"},
	{"a start script of Windows", "", func(f *folder) {
		f.executable("dist/cloudpay/main", binaryOf(0x3e))
		f.executable("dist/cloudpay/scf_bootstrap", "#!/bin/bash\r\n./main\r\n")
	}, doctor.CheckDeployment, doctor.LevelFault, "scf_bootstrap has Windows' line ends"},
}

// executable puts an executable file into the folder.
func (f *folder) executable(path, text string) { f.files[path], f.modes[path] = text, 0o755 }

// binaryOf is the head of a binary for Linux on that processor.
func binaryOf(machine byte) string {
	return "\x7fELF" + strings.Repeat("\x00", 14) + string([]byte{machine, 0}) + strings.Repeat("\x00", 44)
}

// TestFaultyDeployments finds each mistake, and finds it first.
func TestFaultyDeployments(t *testing.T) {
	t.Parallel()
	found := 0
	for _, test := range faultyDeployments {
		t.Run(test.name, func(t *testing.T) {
			description := test.description
			if description == "" {
				description = "cloudbaserc.json"
			}
			f := newContainers(t, description)
			test.make(f)
			bad := f.examined().bad()
			if len(bad) == 0 {
				t.Fatalf("got no fault, want %q", test.wantText)
			}
			first := bad[0]
			text := first.Subject + " | " + first.Found.EN + " | " + first.Remedy.EN
			if first.Check != test.wantCheck || first.Level != test.wantLevel || !strings.Contains(text, test.wantText) {
				t.Fatalf("got %s first, want %s %s with %q; all:\n%s", text, test.wantCheck, test.wantLevel, test.wantText, bad.text())
			}
			found++
		})
	}
	t.Logf("found %d of %d", found, len(faultyDeployments))
}

// TestGoodDeployments is the other side: the folders that the mistakes are made in have none.
func TestGoodDeployments(t *testing.T) {
	t.Parallel()
	for _, description := range []string{"cloudbaserc.json", "serverless.yml", "serverless.aws.yml", "compose.yaml", "deploy/kubernetes.yaml"} {
		f := newContainers(t, description)
		if bad := f.examined().bad(); len(bad) > 0 {
			t.Errorf("%s: got\n%s", description, bad.text())
		}
	}
}
