# Snapshots of etcd on this disk, by their files: so they are found while k3s
# does not run, which is when they are needed most.

h_etcd_snapshots=/var/lib/rancher/k3s/server/db/snapshots

h_etcd_list() {
    {
        printf 'honey etcd {"snapshots":['
        h_comma=
        for h_file_name in "$h_etcd_snapshots"/*; do
            [ -f "$h_file_name" ] || continue
            printf '%s{"name":' "$h_comma"; h_string "${h_file_name##*/}"
            printf ',"bytes":%s,"made":%s}' "$(stat -c %s "$h_file_name")" "$(stat -c %Y "$h_file_name")"
            h_comma=,
        done
        printf ']}\n'
    } >&3
}
