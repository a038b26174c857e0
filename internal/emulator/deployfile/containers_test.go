package deployfile_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/deployfile"
)

// lenient reads one file of a folder, for a reader of the file itself.
func lenient(t *testing.T, name string, files, values map[string]string) []deployfile.Function {
	t.Helper()
	functions, err := deployfile.ReadFile(filepath.Join(folder(t, files), name), deployfile.Source{
		Lenient: true, Lookup: func(name string) (string, bool) { value, has := values[name]; return value, has },
	})
	if err != nil {
		t.Fatal(err)
	}
	return functions
}

func TestCompose(t *testing.T) {
	t.Parallel()
	got := lenient(t, "compose.yaml", map[string]string{
		"app.env": "FROM_FILE=1\nOVER=file\n",
		"compose.yaml": `x-env: &env
  SET: ${SET}
  DEFAULT: ${NONE:-a}${EMPTY-b}${EMPTY:-c}
  ALSO: ${SET:+d}${NONE+e}$$x
services:
  web:
    env_file: [app.env, {path: none.env, required: false}]
    environment: {<<: *env, NEEDED: "${NONE:?say}", OVER: own}
    ports: ["127.0.0.1:1:1", "8080:8080", {target: 80, published: "9090"}, {published: "7", host_ip: 127.0.0.1}]
    secrets: [a, {source: b, target: /keys/b}]
    mem_limit: 1g
  sweep:
    command: [cloudpay, sweep]
    environment: ["A=1", SET, NONE]
    deploy: {resources: {limits: {memory: 96M}}}
secrets: {a: {file: ./secrets/a}, b: {file: b.txt}}
`,
	}, map[string]string{"SET": "s", "EMPTY": ""})
	if len(got) != 2 {
		t.Fatalf("got %+v, want two services", got)
	}
	web, sweep := got[0], got[1]
	if diff := cmp.Diff(map[string]string{
		"SET": "s", "DEFAULT": "ac", "ALSO": "d$x", "NEEDED": "", "OVER": "own", "FROM_FILE": "1",
	}, web.Env); diff != "" {
		t.Errorf("web's variables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"port 8080:8080", "port 9090"}, web.Doors); diff != "" {
		t.Errorf("web's doors (-want +got):\n%s", diff)
	}
	if needed := web.Written.Variables["NEEDED"]; needed.Unset != "NONE" || needed.Known || needed.Line != 8 {
		t.Errorf("NEEDED: got %+v, want it unset in line 8", needed)
	}
	mounted := map[string]string{}
	for at, local := range web.Written.Mounted {
		mounted[at] = filepath.Base(local)
	}
	if diff := cmp.Diff(map[string]string{"/run/secrets/a": "a", "/keys/b": "b.txt"}, mounted); diff != "" {
		t.Errorf("web's secrets (-want +got):\n%s", diff)
	}
	if !web.HTTP || web.MemoryMB != 1024 || web.Cloud != deployfile.Container || web.Written.Form != deployfile.Compose {
		t.Errorf("web: got %+v", web)
	}
	if sweep.HTTP || sweep.MemoryMB != 96 || sweep.Handler != "cloudpay sweep" || sweep.Env["A"] != "1" || sweep.Env["SET"] != "s" {
		t.Errorf("sweep: got %+v", sweep)
	}
	if unset := sweep.Written.Variables["NONE"]; unset.Unset != "NONE" {
		t.Errorf("NONE: got %+v, want it unset", unset)
	}
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	got := lenient(t, "k.yaml", map[string]string{"k.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {A: "1", B: "${literal}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          command: [web]
          envFrom: [{configMapRef: {name: conf}}]
          env:
            - {name: C, value: "3"}
            - {name: D, valueFrom: {secretKeyRef: {name: x, key: y}}}
          resources: {limits: {memory: 128Mi}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: sweep}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: s, command: [cloudpay], args: [sweep, --once], envFrom: [{secretRef: {name: other}}]}]}}}}}
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {type: LoadBalancer}
---
`}, nil)
	if len(got) != 2 {
		t.Fatalf("got %+v, want two containers", got)
	}
	web, sweep := got[0], got[1]
	if diff := cmp.Diff(map[string]string{"A": "1", "B": "${literal}", "C": "3", "D": ""}, web.Env); diff != "" {
		t.Errorf("web's variables (-want +got):\n%s", diff)
	}
	if web.Name != "web" || web.Line != 13 || web.MemoryMB != 128 || !web.HTTP || web.Written.Opaque || web.Written.Variables["D"].Known {
		t.Errorf("web: got %+v, %+v", web, web.Written)
	}
	if diff := cmp.Diff([]string{"Service front"}, web.Doors); diff != "" {
		t.Errorf("web's doors (-want +got):\n%s", diff)
	}
	if sweep.Name != "sweep" || sweep.Handler != "cloudpay sweep --once" || sweep.HTTP || !sweep.Written.Opaque {
		t.Errorf("sweep: got %+v, %+v", sweep, sweep.Written)
	}
}

// A file of values has the lines of its variables; what it holds is in no error.
func TestReadEnvFile(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"good": "# A=0\nexport A='x\nB=inside'\n\nC=1\nC=2\n", "bad": "no value here hunter2\n",
	})
	got, err := deployfile.ReadEnvFile(filepath.Join(dir, "good"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"A": 2, "C": 6}, got.Lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"A": "x\nB=inside", "C": "2"}, got.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if _, err := deployfile.ReadEnvFile(filepath.Join(dir, "bad")); err == nil || err.Error() != "a line is not NAME=value" {
		t.Errorf("got %v", err)
	}
}
