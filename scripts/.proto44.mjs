import { createRequire } from 'node:module';
import { createHmac } from 'node:crypto';
import { execa } from 'execa';
const require = createRequire('/work/main/steps/44-redis-newsfeeds/package.json');
const { Redis } = require('ioredis'); const Fastify = require('fastify'); const mysql = require('mysql2');
const jwt = require('@fastify/jwt');
const r = new Redis('redis://127.0.0.1:26390');
const P='proto';
await r.del(`${P}:feed`); 
const ids=Array.from({length:800},(_,i)=>String(100800-i)); await r.rpush(`${P}:feed`,...ids);
for(const id of ids.slice(0,40)){ await r.set(`${P}:t:${id}`,JSON.stringify({id,content:`Tweet number ${id}, as long as most tweets are: not very long, one sentence or two.`,createdAt:'2026-11-21T18:00:00.000Z',photos:[],userId:String(1000+Number(id)%20)})); await r.hset(`${P}:c:${id}`,'l','10','c','2'); }
for(let u=1000;u<1020;u++) await r.set(`${P}:u:${u}`,JSON.stringify({id:String(u),username:`u${u}`,nickname:`Somebody ${u}`,avatarUrl:null}));
const SCRIPT=`
 local ids=redis.call('LRANGE',KEYS[1],0,20)
 local k={} for i=1,20 do k[i]=ARGV[1]..':t:'..ids[i] end
 local t=redis.call('MGET',unpack(k))
 local us,uk={},{}
 for i=1,20 do local u=string.match(t[i],'"userId":"(%d+)"') us[i]=u uk[i]=ARGV[1]..':u:'..u end
 local u=redis.call('MGET',unpack(uk))
 local o={}
 for i=1,20 do local c=redis.call('HMGET',ARGV[1]..':c:'..ids[i],'l','c') o[i]=t[i]..'|'..u[i]..'|'..c[1]..'|'..c[2] end
 return {ids,o}`;
r.defineCommand('page',{numberOfKeys:1,lua:SCRIPT});
const pool = mysql.createPool({uri:'mysql://root:fanout@127.0.0.1:13306/mysql',connectionLimit:10});
const key=Buffer.alloc(32,7);
const seal=(t)=>`${t}.${createHmac('sha256',key).update(t).digest('base64url')}`;
const mk=async({cache,sql,parse,plainGets})=>{ const app=Fastify(); await app.register(jwt,{secret:'x'.repeat(32),sign:{algorithm:'HS256'},verify:{algorithms:['HS256'],...(cache&&{cache:1000})}});
 let cur=new Map(); const sealed=(t)=>{ if(!cache) return seal(t); let s=cur.get(t); if(!s){ if(cur.size>10000) cur.clear(); cur.set(t,s=seal(t));} return s; };
 app.get('/',{onRequest:async(q)=>{await q.jwtVerify()}},async(q,reply)=>{ 
  const [ids,rows]=await r.page(`${P}:feed`,P);
  let liked=new Set();
  if(sql){ const [l]=await pool.promise().query('SELECT 1 AS id FROM DUAL WHERE 1 IN (?)',[ids]); liked=new Set(l.map(x=>x.id)); }
  const cursors={nextCursor:sealed(Buffer.from(JSON.stringify({key:ids[19],towards:'next'})).toString('base64url')),prevCursor:sealed(Buffer.from(JSON.stringify({key:ids[0],towards:'prev'})).toString('base64url'))};
  reply.type('application/json');
  if(parse){ return JSON.stringify({items:rows.map(x=>{const [t,u,l,c]=x.split('|');const {userId,...tw}=JSON.parse(t);return {...tw,user:JSON.parse(u),likesCount:+l,commentsCount:+c,hasLiked:liked.has(tw.id)}}),...cursors}); }
  let s='{"items":['; for(let i=0;i<20;i++){const [t,u,l,c]=rows[i].split('|'); s+=(i?',':'')+t.slice(0,t.indexOf(',"userId"'))+`,"user":${u},"likesCount":${l},"commentsCount":${c},"hasLiked":${liked.has(ids[i])}}`;} 
  return s+`],"nextCursor":"${cursors.nextCursor}","prevCursor":"${cursors.prevCursor}"}`; });
 const url=await app.listen({port:0,host:'127.0.0.1'}); return {url,headers:{authorization:'Bearer '+app.jwt.sign({sub:'1'})},close:()=>app.close()}; };
const bound=async()=>{const app=Fastify();app.get('/',()=>r.lrange(`${P}:feed`,0,19));const url=await app.listen({port:0,host:'127.0.0.1'});return {url,headers:{},close:()=>app.close()}};
const load=async(s,seconds)=>{const a=process.cpuUsage();const {stdout}=await execa(process.execPath,['/work/main/scripts/bench/core/load-process.ts'],{input:JSON.stringify({url:s.url,requests:[{method:'GET',path:'/',headers:s.headers}],connections:10,seconds})});const b=process.cpuUsage(a);const rep=JSON.parse(stdout);return {st:rep.statuses,per:rep.ms.length/rep.seconds,cpu:(b.user+b.system)/1000/rep.ms.length}};
const V={bound:await bound(),oneCallParse:await mk({parse:1}),oneCallConcat:await mk({}),concatCache:await mk({cache:1}),concatCacheSql:await mk({cache:1,sql:1}),parseSql:await mk({parse:1,sql:1}),parseCache:await mk({parse:1,cache:1})};
for(const s of Object.values(V)) await load(s,2);
const acc={}; for(let k=0;k<3;k++) for(const [n,s] of Object.entries(V)){const x=await load(s,2);(acc[n]??=[]).push(x)}
const med=a=>[...a].sort((x,y)=>x-y)[1]; const bc=Math.min(...acc.bound.map(x=>x.cpu)), bp=med(acc.bound.map(x=>x.per));
for(const n in acc){const c=Math.min(...acc[n].map(x=>x.cpu)),p=med(acc[n].map(x=>x.per));console.log(n.padEnd(16),'per s',p.toFixed(0),(100*p/bp).toFixed(0)+'%','cpu ms',c.toFixed(4),(100*bc/c).toFixed(0)+'% by cpu',JSON.stringify(acc[n][0].st))}
for(const s of Object.values(V)) await s.close(); r.disconnect(); pool.end();
