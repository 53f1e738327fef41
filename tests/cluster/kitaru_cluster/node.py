"""The node's components: container runtime and kubelet, and the folders they need."""

from kitaru_cluster import archive, network, overlay, prerequisites
from kitaru_cluster.control_plane import Component
from kitaru_cluster.run import Json, Run

# Where components write that cannot be told to write elsewhere, and the run's folder that is
# mounted there, in the run's own mount namespace.
MOUNTS = {
    "/var/lib/kubelet": "kubelet",
    "/var/lib/cni": "var-lib-cni",
    "/var/log/pods": "log/pods",
    "/var/log/containers": "log/containers",
    "/run/containerd": "run-containerd",
}

_CONTAINERD = """\
version = 3
root = "{folder}/containerd"
state = "{folder}/state"
disabled_plugins = ["io.containerd.nri.v1.nri"]
[grpc]
  address = "{socket}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "{snapshotter}"
  # The transfer service unpacks into overlays alone.
  use_local_image_pull = {local_pull}
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{pause}"
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "{folder}/etc/registries"
[plugins.'io.containerd.cri.v1.runtime']
  # Not every machine that runs tests may lower a process's score (CAP_SYS_RESOURCE).
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "{runc}"
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{folder}/cni"
"""


def containerd(run: Run) -> Component:
    """Return the container runtime; it pulls over plain http from the run's own registry."""
    registry = run.folder / "etc" / "registries" / network.REGISTRY
    registry.mkdir(parents=True)
    (registry / "hosts.toml").write_text(f'server = "http://{network.REGISTRY}"\n')
    config = run.folder / "etc" / "containerd.toml"
    stacked = snapshotter(run)
    text = _CONTAINERD.format(
        folder=run.folder,
        socket=run.containerd_socket,
        pause=archive.PAUSE,
        snapshotter=stacked,
        local_pull=str(stacked == "native").lower(),
        runc=prerequisites.program("runc"),
    )
    config.write_text(text)
    (run.folder / "cni" / "10-bridge.conflist").write_text(_CNI)
    # The shim is found on the PATH.
    return Component("containerd", ("containerd", "--config", str(config)))


def snapshotter(run: Run) -> str:
    """Return how containerd stacks images: by overlays, or by copies where overlays fail."""
    return "overlayfs" if overlay.usable(run.folder) else "native"


def kubelet(run: Run) -> Component:
    """Return the kubelet, all of whose containers live under the run's own control group."""
    arguments = (
        f"--kubeconfig={run.folder}/etc/kubelet.kubeconfig",
        f"--config={run.write('kubelet.json', _kubelet_configuration(run))}",
        f"--hostname-override={network.NODE}",
        f"--node-ip={network.NODE_IP}",
    )
    return Component("kubelet", ("kubelet", *arguments))


def _kubelet_configuration(run: Run) -> Json:
    resolver = run.folder / "etc" / "resolv.conf"
    resolver.write_text(f"nameserver {network.DNS_IP}\n")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "failSwapOn": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{run.cgroup}",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "authentication": {
            "x509": {"clientCAFile": str(run.certificate("ca"))},
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{run.containerd_socket}",
        "clusterDomain": "cluster.local",
        "clusterDNS": [network.DNS_IP],
        "resolvConf": str(resolver),
        "tlsCertFile": str(run.certificate("kubelet")),
        "tlsPrivateKeyFile": str(run.key("kubelet")),
        # A test machine's disk is often nearly full; the images of one run are not worth evicting.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "maxPods": 500,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
    }


# The bridge refuses hairpin mode together with promiscuous mode.
_CNI = f"""\
{{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {{"type": "host-local", "ranges": [[{{"subnet": "{network.POD_CIDR}"}}]],
            "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}]}}
"""
