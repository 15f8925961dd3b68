// SPDX-License-Identifier: Apache-2.0

// What the benchmark of memory compares with: a plain client-go informer of the same objects, as a controller in Go has
// it before it does anything. It also puts the objects there.
//
//	informer fill KUBECONFIG < objects   creates them, one JSON object a line
//	informer run KUBECONFIG              says {"objects":…,"seconds":…} when it has them all, then stays until stdin ends
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const workers = 8

var definitions = schema.GroupVersionResource{Group: "tyk.tyk.io", Version: "v1alpha1", Resource: "apidefinitions"}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "informer:", err)
		os.Exit(1)
	}
}

func fill(client dynamic.Interface) {
	lines := make(chan []byte, workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for line := range lines {
				var object unstructured.Unstructured
				check(object.UnmarshalJSON(line))
				_, err := client.Resource(definitions).Namespace(object.GetNamespace()).
					Create(context.Background(), &object, metav1.CreateOptions{})
				check(err)
			}
		})
	}
	scanner := bufio.NewScanner(os.Stdin)
	scanner.Buffer(nil, 4<<20)
	for scanner.Scan() {
		lines <- append([]byte(nil), scanner.Bytes()...)
	}
	check(scanner.Err())
	close(lines)
	group.Wait()
}

func run(client dynamic.Interface) {
	begin := time.Now()
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	informer := factory.ForResource(definitions).Informer()
	stop := make(chan struct{})
	factory.Start(stop)
	if !cache.WaitForCacheSync(stop, informer.HasSynced) {
		os.Exit(1)
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"objects": len(informer.GetStore().ListKeys()), "seconds": time.Since(begin).Seconds()}))
	_, err := io.Copy(io.Discard, os.Stdin)
	check(err)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: informer fill|run KUBECONFIG")
		os.Exit(2)
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[2])
	check(err)
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	check(err)
	switch os.Args[1] {
	case "fill":
		fill(client)
	case "run":
		run(client)
	}
}
